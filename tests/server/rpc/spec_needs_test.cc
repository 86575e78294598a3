#include "server/rpc/spec_needs.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "tests/server/rpc/sample_spec.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SampleCatalogue;
using testing::SampleSpec;

TEST(NeedsOf, TheDefaultsAreNeededToo) {
  v1::JobSpec spec;
  EXPECT_THAT(RequirementsOf(spec), ElementsAre("export:onnx_qdq", "model:onnx"));
  spec.mutable_model()->set_format("gguf");
  spec.add_exports()->set_format("gguf_q4");
  EXPECT_THAT(RequirementsOf(spec), ElementsAre("export:gguf_q4", "model:gguf"));
}

TEST(NeedsOf, EveryPartOfTheSpecIsOneWordWithItsPlace) {
  v1::JobSpec spec = SampleSpec();
  v1::Recipe& recipe = *spec.mutable_recipe();
  recipe.add_transforms()->set_id("t0");
  recipe.add_transforms()->set_id("t1");
  recipe.mutable_weight()->mutable_format()->set_id("wf");
  recipe.mutable_weight()->mutable_granularity()->set_id("wg");
  recipe.mutable_weight()->mutable_range()->set_id("wr");
  recipe.mutable_weight()->mutable_rounding()->set_id("wo");
  recipe.mutable_activation()->mutable_range()->set_id("ar");
  recipe.add_compensations()->set_id("c0");
  recipe.mutable_allocation()->set_id("al");
  recipe.mutable_data()->set_id("da");
  recipe.add_recoveries()->set_id("r0");
  spec.mutable_evaluation()->add_metrics("kl");
  std::vector<std::string> told;
  for (const Need& need : NeedsOf(spec)) told.push_back(need.Word() + " at " + need.field);
  EXPECT_THAT(
      told,
      ElementsAre(
          "model:onnx at spec.model.format", "preset:w8a8-mse at spec.recipe.preset",
          "transform:t0 at spec.recipe.transforms[0].id",
          "transform:t1 at spec.recipe.transforms[1].id",
          "format:wf at spec.recipe.weight.format.id",
          "granularity:wg at spec.recipe.weight.granularity.id",
          "range:wr at spec.recipe.weight.range.id",
          "rounding:wo at spec.recipe.weight.rounding.id",
          "range:ar at spec.recipe.activation.range.id",
          "compensation:c0 at spec.recipe.compensations[0].id",
          "allocation:al at spec.recipe.allocation.id", "data:da at spec.recipe.data.id",
          "recovery:r0 at spec.recipe.recoveries[0].id", "metric:kl at spec.evaluation.metrics[0]",
          "metric:top1_agreement at spec.gates[0].metric", "export:onnx_qdq at spec.exports"));
}

// Gives every Component inside `message` the id "x", one of each repeated field; returns how many.
int FillComponents(google::protobuf::Message& message) {
  int filled = 0;
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (field->message_type() == nullptr || field->is_map()) continue;
    if (field->message_type() != v1::Component::descriptor() &&
        field->message_type() != v1::TensorRecipe::descriptor() &&
        field->message_type() != v1::LayerRule::descriptor()) {
      continue;
    }
    google::protobuf::Message* child = field->is_repeated()
                                           ? reflection->AddMessage(&message, field)
                                           : reflection->MutableMessage(&message, field);
    if (field->message_type() == v1::Component::descriptor()) {
      static_cast<v1::Component*>(child)->set_id("x");
      ++filled;
    } else {
      filled += FillComponents(*child);
    }
  }
  return filled;
}

TEST(NeedsOf, NoComponentOfTheRecipeIsForgotten) {
  v1::JobSpec spec;
  const int components = FillComponents(*spec.mutable_recipe());
  EXPECT_EQ(components, 22);  // 3 lists, 3 single ones, 2 tensors of 4, and as many in a rule.
  int found = 0;
  for (const Need& need : NeedsOf(spec)) found += need.component != nullptr;
  EXPECT_EQ(found, components);
}

TEST(RequirementsOf, AreSortedAndEachThereOnce) {
  v1::JobSpec spec = SampleSpec();
  *spec.add_gates() = spec.gates(0);
  spec.mutable_evaluation()->add_metrics("top1_agreement");
  spec.mutable_evaluation()->add_metrics("accuracy");
  EXPECT_THAT(RequirementsOf(spec),
              ElementsAre("export:onnx_qdq", "metric:accuracy", "metric:top1_agreement",
                          "model:onnx", "preset:w8a8-mse"));
}

TEST(CapabilitiesOf, AreOfTheSameVocabulary) {
  EXPECT_THAT(CapabilitiesOf(SampleCatalogue()),
              ElementsAre("compensation:bias_correction", "export:onnx_qdq", "format:int8",
                          "metric:accuracy", "metric:kl", "metric:top1_agreement", "model:onnx",
                          "preset:w8a8-minmax", "preset:w8a8-mse", "range:minmax", "range:mse"));
  EXPECT_THAT(CapabilitiesOf({}), IsEmpty());
}

TEST(ToCore, EqualCataloguesAreOneAndOthersAreNot) {
  const WorkerCatalogue one = ToCore(SampleCatalogue());
  EXPECT_EQ(one, ToCore(SampleCatalogue()));
  EXPECT_EQ(one.engine_version, "1.0.0");
  v1::Catalogue read;
  ASSERT_TRUE(read.ParseFromString(one.content));
  EXPECT_EQ(read.presets_size(), 2);
  v1::Catalogue other = SampleCatalogue();
  other.set_engine_version("1.0.1");
  EXPECT_NE(ToCore(other).digest, one.digest);
}

TEST(PresetOf, FindsItAmongRequirements) {
  EXPECT_EQ(PresetOf(RequirementsOf(SampleSpec())), "w8a8-mse");
  EXPECT_EQ(PresetOf({"model:onnx", "range:preset"}), "");
  EXPECT_EQ(PresetOf({}), "");
}

}  // namespace
}  // namespace quantd
