#include "worker/job/catalogue_proto.h"

#include "tests/support/status_matchers.h"
#include "worker/job/recipe_proto.h"
#include "worker/methods/catalogue.h"
#include "worker/quality/metric_catalogue.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const v1::Method* FindMethod(const v1::Catalogue& catalogue, const std::string& axis,
                             const std::string& id) {
  for (const v1::Method& method : catalogue.methods()) {
    if (method.axis() == axis && method.id() == id) return &method;
  }
  return nullptr;
}

TEST(CatalogueProtoTest, TellsWhatTheWorkerCanDo) {
  const v1::Catalogue catalogue = MakeCatalogueProto();
  EXPECT_EQ(catalogue.engine_version(), kEngineVersion);
  EXPECT_THAT(catalogue.devices(), ElementsAre("cpu"));
  EXPECT_THAT(catalogue.model_formats(), ElementsAre("onnx"));
  EXPECT_THAT(catalogue.export_formats(), ElementsAre("onnx_qdq", "onnx_matmul_nbits", "onnx_dynamic"));
  EXPECT_EQ(static_cast<size_t>(catalogue.methods_size()), MakeCatalogue().methods.size());
  EXPECT_EQ(static_cast<size_t>(catalogue.metrics_size()), MetricCatalogue().size());
}

TEST(CatalogueProtoTest, ParametersComeWithTheirLimits) {
  const v1::Catalogue catalogue = MakeCatalogueProto();
  const v1::Method* percentile = FindMethod(catalogue, "range", "percentile");
  ASSERT_NE(percentile, nullptr);
  EXPECT_FALSE(percentile->summary().empty());
  EXPECT_FALSE(percentile->paper().empty());
  ASSERT_THAT(percentile->parameters(), SizeIs(1));
  const v1::Parameter& p = percentile->parameters(0);
  EXPECT_EQ(p.name(), "p");
  EXPECT_EQ(p.type(), "number");
  EXPECT_EQ(p.minimum(), 0.5);
  EXPECT_EQ(p.maximum(), 1);
  EXPECT_EQ(p.initial().number(), 0.9999);
  const v1::Method* minmax = FindMethod(catalogue, "range", "minmax");
  ASSERT_NE(minmax, nullptr);
  EXPECT_THAT(minmax->parameters(), IsEmpty());
  EXPECT_THAT(minmax->needs(), IsEmpty());
  EXPECT_THAT(FindMethod(catalogue, "range", "entropy")->needs(), ElementsAre("calibration data"));
}

TEST(CatalogueProtoTest, PresetsCarryTheirRecipes) {
  const v1::Catalogue proto = MakeCatalogueProto();
  const Catalogue catalogue = MakeCatalogue();
  ASSERT_EQ(static_cast<size_t>(proto.presets_size()), catalogue.presets.size());
  for (size_t i = 0; i < catalogue.presets.size(); ++i) {
    const v1::Preset& preset = proto.presets(static_cast<int>(i));
    EXPECT_EQ(preset.id(), catalogue.presets[i]->id);
    EXPECT_EQ(FromProto(preset.recipe()), catalogue.presets[i]->recipe);
  }
}

TEST(CatalogueProtoTest, MetricsSayWhetherTheyNeedLabels) {
  const v1::Catalogue catalogue = MakeCatalogueProto();
  for (const v1::MetricInfo& metric : catalogue.metrics()) {
    EXPECT_EQ(metric.needs_labels(), metric.id().rfind("accuracy", 0) == 0 ||
                                         metric.id().rfind("flips", 0) == 0 ||
                                         metric.id().rfind("top5_accuracy", 0) == 0)
        << metric.id();
  }
}

}  // namespace
}  // namespace quantd
