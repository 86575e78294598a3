#include "worker/methods/export_form.h"

#include <gmock/gmock.h>

#include "worker/methods/catalogue.h"
#include "worker/methods/recipe_opset.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Recipe& Preset(const std::string& id) {
  for (const PresetInfo* preset : MakeCatalogue().presets) {
    if (preset->id == id) return preset->recipe;
  }
  ADD_FAILURE() << "no preset " << id;
  static const Recipe kNone;
  return kNone;
}

std::vector<std::string> FittingForms(const Recipe& recipe) {
  std::vector<std::string> ids;
  for (const ExportFormInfo& form : ExportForms()) {
    if (MisfitOf(form, recipe).empty()) ids.push_back(form.id);
  }
  return ids;
}

TEST(ExportFormTest, EachRecipeHasItsForms) {
  EXPECT_THAT(FittingForms(Preset("w8a8-mse")), ElementsAre("onnx_qdq"));
  EXPECT_THAT(FittingForms(Preset("w8")), ElementsAre("onnx_qdq"));
  EXPECT_THAT(FittingForms(Preset("w4-g32")), ElementsAre("onnx_qdq", "onnx_matmul_nbits"));
  EXPECT_THAT(FittingForms(Preset("w8-g128")), ElementsAre("onnx_qdq", "onnx_matmul_nbits"));
  EXPECT_THAT(FittingForms(Preset("w8a8-dynamic")), ElementsAre("onnx_dynamic"));
  Recipe two_bits = Preset("w4-g32");
  two_bits.weight.format = {"uint2_asym"};
  EXPECT_THAT(FittingForms(two_bits), ElementsAre("onnx_matmul_nbits"));
}

TEST(ExportFormTest, EveryPresetHasADefaultThatFits) {
  for (const PresetInfo* preset : MakeCatalogue().presets) {
    const ExportFormInfo& form = DefaultExportForm(preset->recipe);
    EXPECT_THAT(MisfitOf(form, preset->recipe), IsEmpty()) << preset->id;
  }
  EXPECT_EQ(DefaultExportForm(Preset("w8a8-dynamic")).id, "onnx_dynamic");
  EXPECT_EQ(DefaultExportForm(Preset("w4-g32")).id, "onnx_qdq");
}

TEST(ExportFormTest, AMisfitSaysWhichComponentStandsInTheWay) {
  EXPECT_EQ(MisfitOf(*FindExportForm("onnx_matmul_nbits"), Preset("w8a8-mse")),
            "'onnx_matmul_nbits' needs recipe.activation.format to be empty, not 'uint8_asym'");
  EXPECT_EQ(MisfitOf(*FindExportForm("onnx_qdq"), Preset("w8a8-dynamic")),
            "'onnx_qdq' cannot hold 'dynamic' in recipe.activation.range");
  EXPECT_THAT(MisfitOf(*FindExportForm("onnx_dynamic"), Preset("w4-g32")),
              HasSubstr("needs recipe.activation.range to be 'dynamic', not empty"));
  EXPECT_EQ(FindExportForm("onnx_magic"), nullptr);
}

TEST(RecipeOpsetTest, BlocksAndNarrowCodesNeedTheNewerSet) {
  EXPECT_EQ(LowestOpset(Preset("w8a8-mse")), 13);
  EXPECT_EQ(LowestOpset(Preset("w8a8-dynamic")), 13);
  EXPECT_EQ(LowestOpset(Preset("w8")), 13);
  EXPECT_EQ(LowestOpset(Preset("w8-g128")), 21);
  Recipe recipe = Preset("w8");
  recipe.weight.format = {"int4_sym"};
  EXPECT_EQ(LowestOpset(recipe), 21);
  recipe = Preset("w8a8-mse");
  recipe.rules = {{.op_type = "MatMul", .weight = {.format = {"int4_sym"}}}};
  EXPECT_EQ(LowestOpset(recipe), 21);
}

}  // namespace
}  // namespace quantd
