#include "worker/quantize/quantization_plan.h"

#include "tests/worker/quantize/quantize_bench.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::GraphOf;
using testing::HasReason;
using ::testing::IsEmpty;
using testing::MinmaxRecipe;
using testing::NamesField;
using testing::Op;
using testing::RandomTensor;
using testing::StatusIs;

Graph ThreeLayers() {
  return GraphOf(
      {Op("Gemm", {"x", "w"}, {"block.0/fc"}), Op("Gemm", {"block.0/fc", "w"}, {"block.1/fc"}),
       Op("MatMul", {"block.1/fc", "w"}, {"y"})},
      {{"w", RandomTensor({4, 4}, 1)}});
}

absl::StatusOr<QuantizationPlan> PlanWith(const Graph& graph, const std::vector<LayerRule>& rules) {
  Recipe recipe = MinmaxRecipe();
  recipe.rules = rules;
  return PlanQuantization(graph, recipe);
}

std::vector<bool> ExcludedBy(const std::vector<LayerRule>& rules) {
  std::vector<bool> excluded;
  const QuantizationPlan plan = PlanWith(ThreeLayers(), rules).value();
  for (const PlannedLayer& layer : plan.layers) excluded.push_back(layer.excluded);
  return excluded;
}

TensorRecipe Format(const char* id) { return {.format = {id}}; }

TEST(PlanQuantizationTest, RulesExcludeByOperatorAndName) {
  EXPECT_THAT(ExcludedBy({}), ElementsAre(false, false, false));
  EXPECT_THAT(ExcludedBy({{.op_type = "Gemm", .exclude = true}}), ElementsAre(true, true, false));
  EXPECT_THAT(ExcludedBy({{.node_name = "block.[1-9]/*", .exclude = true}}),
              ElementsAre(false, true, false));
  EXPECT_THAT(ExcludedBy({{.op_type = "MatMul", .node_name = "?", .exclude = true}}),
              ElementsAre(false, false, true));
  EXPECT_THAT(ExcludedBy({{.exclude = true}}), ElementsAre(true, true, true));
}

TEST(PlanQuantizationTest, ALaterRuleWins) {
  EXPECT_THAT(ExcludedBy({{.exclude = true}, {.node_name = "y", .exclude = false}}),
              ElementsAre(true, true, false));
  EXPECT_THAT(ExcludedBy({{.node_name = "y", .exclude = false}, {.exclude = true}}),
              ElementsAre(true, true, true));
  // How to quantize says nothing about whether.
  EXPECT_THAT(ExcludedBy({{.op_type = "Gemm", .exclude = true}, {.node_name = "*", .weight = Format("int4_sym")}}),
              ElementsAre(true, true, false));
}

TEST(PlanQuantizationTest, RulesSetAnyPartOfTheRecipe) {
  const QuantizationPlan plan = PlanWith(ThreeLayers(), {{.op_type = "Gemm", .activation = {.range = {"mse"}}},
                                                         {.node_name = "block.1/*", .weight = Format("int16_sym")},
                                                         {.node_name = "block.1/*", .weight = Format("int4_sym")}})
                                    .value();
  EXPECT_EQ(plan.layers[0].activation_recipe.range.id, "mse");
  EXPECT_EQ(plan.layers[0].activation_recipe.format.id, "uint8_asym");
  EXPECT_EQ(plan.layers[0].weight_recipe, MinmaxRecipe().weight);
  EXPECT_EQ(plan.layers[1].weight_recipe.format.id, "int4_sym");
  EXPECT_EQ(plan.layers[1].weight_recipe.granularity.id, "per_channel");
  EXPECT_EQ(plan.layers[2].activation_recipe, MinmaxRecipe().activation);
  // The code of a tensor is that of its reader.
  ASSERT_EQ(plan.groups.size(), 3u);
  EXPECT_EQ(plan.groups[1].tensors, std::vector<std::string>{"block.0/fc"});
  EXPECT_EQ(plan.groups[1].recipe.range.id, "mse");
  EXPECT_EQ(plan.groups[2].recipe.range.id, "minmax");
}

TEST(PlanQuantizationTest, EveryRuleThatMatchesNothingIsNamed) {
  const absl::Status status = PlanWith(ThreeLayers(), {{.op_type = "Conv", .exclude = true},
                                                       {.op_type = "Gemm", .exclude = true},
                                                       {.node_name = "Y", .exclude = true}})
                                  .status();
  EXPECT_THAT(status, HasReason("RULE_MATCHES_NOTHING"));
  EXPECT_THAT(status, NamesField("recipe.rules[0]"));
  EXPECT_THAT(status, NamesField("recipe.rules[2]"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 2u);
}

TEST(PlanQuantizationTest, ARuleThatSetsWhatItsMatchesLackIsNamed) {
  const Graph graph = GraphOf({Op("Relu", {"x"}, {"r"}), Op("MatMul", {"x", "r"}, {"y"})});
  const absl::Status status = PlanWith(graph, {{.op_type = "MatMul", .weight = Format("int8_sym")}}).status();
  EXPECT_THAT(status, HasReason("RULE_MATCHES_NOTHING"));
  EXPECT_THAT(status, NamesField("recipe.rules[0].weight"));
  const Graph table = GraphOf({Op("Gather", {"t", "x"}, {"y"})}, {{"t", RandomTensor({9, 4}, 1)}});
  EXPECT_THAT(PlanWith(table, {{.op_type = "Gather", .activation = Format("int8_sym")}}).status(),
              NamesField("recipe.rules[0].activation"));
}

TEST(PlanQuantizationTest, TwoRecipesForOneCodeContradict) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"a"}), Op("Gemm", {"x", "w"}, {"b"}),
                               Op("MatMul", {"b", "a"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  const absl::Status status =
      PlanWith(graph, {{.op_type = "MatMul", .activation = Format("int8_asym")},
                       {.node_name = "b", .activation = Format("int8_sym")}})
          .status();
  EXPECT_THAT(status, HasReason("CONTRADICTORY_RULES"));
  EXPECT_THAT(status, NamesField("recipe.rules[1].activation"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 1u);
  // An excluded reader has no say.
  EXPECT_OK(PlanWith(graph, {{.node_name = "a", .exclude = true}, {.node_name = "b", .activation = Format("int8_sym")}})
                .status());
}

struct MisfitCase {
  const char* name;
  Recipe recipe;
  LayerRule rule;
  const char* field;
};

class RulesThatDoNotFit : public ::testing::TestWithParam<MisfitCase> {};

Recipe WeightsAlone() {
  Recipe recipe = MinmaxRecipe();
  recipe.activation = {};
  return recipe;
}

Recipe AtRunTime() {
  Recipe recipe = MinmaxRecipe();
  recipe.weight.format = {"uint8_sym"};
  recipe.activation.range = {"dynamic"};
  return recipe;
}

// What a rule makes of a layer's recipe must pass what a whole recipe must pass.
TEST_P(RulesThatDoNotFit, AreRefusedByName) {
  Recipe recipe = GetParam().recipe;
  ASSERT_OK(CheckRecipe(recipe));
  recipe.rules = {GetParam().rule};
  ASSERT_OK(CheckRecipe(recipe));
  const absl::Status status = PlanQuantization(ThreeLayers(), recipe).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layer 'block.0/fc'")));
  EXPECT_THAT(status, NamesField(GetParam().field));
  // The layers that it does not match may have it.
  recipe.rules = {{.op_type = "Gemm", .exclude = true}};
  EXPECT_OK(PlanQuantization(ThreeLayers(), recipe));
}

INSTANTIATE_TEST_SUITE_P(
    All, RulesThatDoNotFit,
    ::testing::Values(
        MisfitCase{"FourBitsAtRunTime", AtRunTime(), {.op_type = "Gemm", .weight = Format("int4_sym")}, "recipe.rules[0].weight"},
        MisfitCase{"Float8AtRunTime", AtRunTime(), {.op_type = "Gemm", .weight = Format("float8e4m3fn")}, "recipe.rules[0].weight"},
        MisfitCase{"BlocksAtRunTime", AtRunTime(),
                   {.op_type = "Gemm", .weight = {.granularity = {"per_block", {{"block_size", int64_t{32}}}}}},
                   "recipe.rules[0].weight"},
        MisfitCase{"SixteenBitsAtRunTime", AtRunTime(), {.op_type = "Gemm", .activation = Format("int16_asym")},
                   "recipe.rules[0].activation.format.id"},
        MisfitCase{"ActivationsWithoutARange", WeightsAlone(), {.op_type = "Gemm", .activation = Format("uint8_asym")},
                   "recipe.rules[0].activation.range.id"},
        MisfitCase{"ActivationsWithoutAFormat", WeightsAlone(), {.op_type = "Gemm", .activation = {.range = {"mse"}}},
                   "recipe.rules[0].activation.format.id"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(PlanQuantizationTest, ARuleForExcludedLayersIsNamed) {
  const absl::Status status =
      PlanWith(ThreeLayers(), {{.op_type = "Gemm", .exclude = true}, {.op_type = "Gemm", .weight = Format("int4_sym")}})
          .status();
  EXPECT_THAT(status, HasReason("RULE_MATCHES_NOTHING"));
  EXPECT_THAT(status, NamesField("recipe.rules[1]"));
  // Some of the matches are kept, or taken back.
  EXPECT_OK(PlanWith(ThreeLayers(), {{.node_name = "block.0/*", .exclude = true},
                                     {.op_type = "Gemm", .weight = Format("int4_sym")}}));
  EXPECT_OK(PlanWith(ThreeLayers(), {{.op_type = "Gemm", .exclude = true}, {.op_type = "Gemm"},
                                     {.op_type = "Gemm", .weight = Format("int4_sym")}}));
}

TEST(TensorsToObserveTest, AreThoseOfQuantizedLayersEachOnce) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"a"}), Op("Gemm", {"x", "w"}, {"b"}),
                               Op("MatMul", {"b", "a"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  EXPECT_THAT(TensorsToObserve(PlanWith(graph, {}).value()), ElementsAre("x", "a", "b"));
  EXPECT_THAT(TensorsToObserve(PlanWith(graph, {{.op_type = "Gemm", .exclude = true}}).value()),
              ElementsAre("a", "b"));
  const QuantizationPlan nothing = PlanWith(graph, {{.exclude = true}}).value();
  EXPECT_THAT(TensorsToObserve(nothing), IsEmpty());
  EXPECT_FALSE(QuantizesAnything(nothing));
}

}  // namespace
}  // namespace quantd
