#include "worker/methods/catalogue.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NamesField;
using testing::StatusIs;

Recipe GoodRecipe() {
  return {.weight = {{"int8_sym"}, {"per_channel"}, {"minmax"}, {"nearest"}},
          .activation = {{"uint8_asym"}, {"per_tensor"}, {"percentile"}, {"nearest"}},
          .compensations = {{"bias_correction"}},
          .data = {"random"}};
}

TEST(CatalogueTest, MethodsAreSortedAndNamedOncePerAxis) {
  const Catalogue catalogue = MakeCatalogue();
  std::set<std::pair<std::string, std::string>> ids;
  std::pair<std::string, std::string> before;
  for (const MethodInfo& method : catalogue.methods) {
    const std::pair<std::string, std::string> id(method.axis, method.id);
    EXPECT_TRUE(ids.insert(id).second) << id.first << " " << id.second;
    EXPECT_LT(before, id);
    before = id;
    EXPECT_FALSE(method.summary.empty()) << id.second;
  }
  for (const char* range : {"entropy", "minmax", "moving_average", "mse", "percentile"}) {
    EXPECT_EQ(ids.count({"range", range}), 1u) << range;
  }
}

TEST(CatalogueTest, EveryParameterStartsWithinItsLimits) {
  const Catalogue catalogue = MakeCatalogue();
  for (const MethodInfo& method : catalogue.methods) {
    for (const ParamSpec& param : method.params) {
      EXPECT_LE(param.min, param.initial) << method.id << " " << param.name;
      EXPECT_LE(param.initial, param.max) << method.id << " " << param.name;
      EXPECT_FALSE(param.summary.empty()) << method.id << " " << param.name;
    }
  }
}

TEST(CatalogueTest, EveryPresetIsARecipeThatPasses) {
  const Catalogue catalogue = MakeCatalogue();
  std::vector<std::string> ids;
  for (const PresetInfo* preset : catalogue.presets) {
    EXPECT_OK(CheckRecipe(preset->recipe)) << preset->id;
    EXPECT_FALSE(preset->summary.empty());
    ids.push_back(preset->id);
  }
  EXPECT_THAT(ids,
              ::testing::ElementsAre("w4-g128", "w4-g32", "w4-g32-asym", "w8", "w8-g128", "w8a8-dynamic",
                                     "w8a8-entropy", "w8a8-minmax", "w8a8-mse", "w8a8-percentile"));
}

TEST(CheckRecipeTest, AGoodRecipePasses) {
  EXPECT_OK(CheckRecipe(GoodRecipe()));
  Recipe plain = GoodRecipe();
  plain.compensations.clear();
  plain.data = {};
  EXPECT_OK(CheckRecipe(plain));
}

TEST(CheckRecipeTest, EveryProblemIsNamedAndTheFirstGivesTheReason) {
  Recipe recipe = GoodRecipe();
  recipe.weight.range = {"entropy"};          // For activations only.
  recipe.activation.format = {"float4"};      // There is none.
  recipe.activation.range.params["p"] = 7.0;  // Out of range.
  recipe.compensations.push_back({"magic"});  // There is none.
  recipe.allocation = {"greedy"};             // The axis has no method.
  recipe.recoveries = {{}};                   // Has no id.
  const absl::Status status = CheckRecipe(recipe);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(status, HasReason("INAPPLICABLE_METHOD"));
  EXPECT_THAT(status, NamesField("recipe.weight.range.id"));
  EXPECT_THAT(status, NamesField("recipe.activation.format.id"));
  EXPECT_THAT(status, NamesField("recipe.activation.range.parameters[p]"));
  EXPECT_THAT(status, NamesField("recipe.compensations[1].id"));
  EXPECT_THAT(status, NamesField("recipe.allocation.id"));
  EXPECT_THAT(status, NamesField("recipe.recoveries[0].id"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 6u);
}

TEST(CheckRecipeTest, AnUnknownMethodIsAnsweredWithThoseThatExist) {
  Recipe recipe = GoodRecipe();
  recipe.activation.range = {"min_max"};
  EXPECT_THAT(GetErrorDetails(CheckRecipe(recipe)).violations[0].description,
              HasSubstr("entropy, minmax, moving_average, mse, percentile"));
}

TEST(CheckRecipeTest, WeightsAreSymmetricAndActivationsPerTensor) {
  Recipe recipe = GoodRecipe();
  recipe.weight.format = {"uint8_asym"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.weight.format.id"));
  recipe = GoodRecipe();
  recipe.activation.granularity = {"per_channel"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.activation.granularity.id"));
}

TEST(CheckRecipeTest, WeightsAloneMayHaveZeroPointsAndBlocks) {
  Recipe recipe{.weight = {{"uint4_asym"}, {"per_block", {{"block_size", int64_t{32}}}}, {"minmax"}, {"nearest"}}};
  EXPECT_OK(CheckRecipe(recipe));
  recipe.weight.granularity.params["block_size"] = int64_t{48};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.weight.granularity.parameters[block_size]"));
  recipe.weight.granularity.params["block_size"] = int64_t{8};
  EXPECT_THAT(CheckRecipe(recipe), HasReason("PARAMETER_OUT_OF_RANGE"));
  recipe.weight.granularity = {"per_channel"};
  recipe.activation = GoodRecipe().activation;  // Now integer sums are taken.
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.weight.format.id"));
  recipe.activation = {.format = {"uint8_asym"}};  // Neither there nor absent.
  EXPECT_THAT(CheckRecipe(recipe), HasReason("INCOMPLETE_RECIPE"));
}

TEST(CheckRecipeTest, ActivationsAreNeitherNarrowNorInBlocks) {
  Recipe recipe = GoodRecipe();
  recipe.activation.format = {"uint4_asym"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.activation.format.id"));
  recipe = GoodRecipe();
  recipe.activation.granularity = {"per_block"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.activation.granularity.id"));
}

TEST(CheckRecipeTest, CodesMadeAtRunTimeAskForMatchingPartners) {
  Recipe recipe = GoodRecipe();
  recipe.activation.range = {"dynamic"};
  EXPECT_OK(CheckRecipe(recipe));
  recipe.activation.format = {"int8_asym"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.activation.format.id"));
  recipe.activation.format = {"uint8_asym"};
  recipe.weight.format = {"int4_sym"};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.weight"));
  recipe.weight = {{"int8_sym"}, {"per_block"}, {"minmax"}, {"nearest"}};
  EXPECT_THAT(CheckRecipe(recipe), NamesField("recipe.weight"));
}

TEST(CheckRecipeTest, ARuleSetsWhatItNamesAndThatMustExist) {
  Recipe recipe = GoodRecipe();
  recipe.placement = {"inputs_only"};
  recipe.rules = {{.op_type = "Gemm", .weight = {.range = {"mse"}}},
                  {.node_name = "a*", .activation = {.format = {"int8_asym"}}}};
  EXPECT_OK(CheckRecipe(recipe));
  recipe.placement = {"everywhere"};
  recipe.rules = {{.op_type = "Gemm", .weight = {.format = {"uint8_asym"}}},    // Weights are symmetric.
                  {.node_name = "a*", .activation = {.range = {"min_max"}}},    // There is none.
                  {.op_type = "Conv", .exclude = true, .weight = {.range = {"mse"}}}};
  const absl::Status status = CheckRecipe(recipe);
  EXPECT_THAT(status, NamesField("recipe.placement.id"));
  EXPECT_THAT(status, NamesField("recipe.rules[0].weight.format.id"));
  EXPECT_THAT(status, NamesField("recipe.rules[1].activation.range.id"));
  EXPECT_THAT(status, NamesField("recipe.rules[2]"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 4u);
  recipe = GoodRecipe();
  recipe.rules = {{.op_type = "Conv", .exclude = true, .weight = {.range = {"mse"}}}};
  EXPECT_THAT(CheckRecipe(recipe), HasReason("CONTRADICTORY_RULES"));
}

TEST(CheckRecipeTest, AnEmptyRecipeIsIncomplete) {
  const absl::Status status = CheckRecipe({});
  EXPECT_THAT(status, HasReason("INCOMPLETE_RECIPE"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 4u);  // An absent activation means that only weights become codes.
}

TEST(DescribeRecipeTest, FitsOnALine) {
  Recipe recipe = GoodRecipe();
  recipe.activation.range.params["p"] = 0.999;
  recipe.rules = {{.op_type = "Conv", .exclude = true}, {.op_type = "Gemm", .exclude = true}};
  EXPECT_EQ(DescribeRecipe(recipe),
            "weights int8_sym per_channel minmax, activations uint8_asym per_tensor "
            "percentile(p=0.999), bias_correction, 2 rules");
}

}  // namespace
}  // namespace quantd
