#include "worker/quantize/plan_layers.h"

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;
using testing::HasReason;
using ::testing::IsEmpty;
using testing::NamesField;
using testing::Op;
using testing::RandomTensor;
using ::testing::SizeIs;

// Of one node that makes y.
PlannedLayer PlanOne(const Node& node, std::map<std::string, Tensor> initializers) {
  const std::vector<PlannedLayer> layers =
      PlanLayers(GraphOf({node}, std::move(initializers)), {}).value();
  return layers.size() == 1 ? layers[0] : PlannedLayer{.node = "none"};
}

TEST(PlanLayersTest, AConvHasItsChannelsFirst) {
  const PlannedLayer layer =
      PlanOne(Op("Conv", {"x", "w", "b"}, {"y"}),
              {{"w", RandomTensor({8, 3, 2, 2}, 1)}, {"b", RandomTensor({8}, 2)}});
  EXPECT_EQ(layer.output, "y");
  EXPECT_THAT(layer.activations, ElementsAre("x"));
  EXPECT_EQ(layer.weight, "w");
  EXPECT_EQ(layer.weight_axis, 0);
  EXPECT_EQ(layer.channels, 8);
  EXPECT_EQ(layer.bias, "b");
  EXPECT_FALSE(layer.excluded);
}

TEST(PlanLayersTest, AGemmHasItsChannelsWhereItsTranspositionPutsThem) {
  const std::map<std::string, Tensor> weights = {{"w", RandomTensor({5, 7}, 1)}};
  EXPECT_EQ(PlanOne(Op("Gemm", {"x", "w"}, {"y"}), weights).channels, 7);
  const PlannedLayer transposed =
      PlanOne(Op("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}}), weights);
  EXPECT_EQ(transposed.channels, 5);
  EXPECT_EQ(transposed.weight_axis, 0);
  EXPECT_EQ(transposed.bias, "");
}

TEST(PlanLayersTest, ABiasThatIsNoVectorOfChannelsIsNone) {
  EXPECT_EQ(PlanOne(Op("Gemm", {"x", "w", "b"}, {"y"}),
                    {{"w", RandomTensor({5, 7}, 1)}, {"b", RandomTensor({1, 7}, 2)}})
                .bias,
            "");
}

TEST(PlanLayersTest, AMatMulKnowsTheAddBehindIt) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"b", "m"}, {"y"})},
                              {{"w", RandomTensor({5, 7}, 1)}, {"b", RandomTensor({7}, 2)}});
  ASSERT_OK_AND_ASSIGN(const auto layers, PlanLayers(graph, {}));
  ASSERT_THAT(layers, SizeIs(1));
  EXPECT_EQ(layers[0].weight_axis, 1);
  EXPECT_EQ(layers[0].channels, 7);
  EXPECT_EQ(layers[0].add_node, "y");
  EXPECT_EQ(layers[0].add_bias, "b");
}

TEST(PlanLayersTest, AnAddThatOthersCouldNoticeIsLeftAlone) {
  Graph graph = GraphOf(
      {Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"m", "b"}, {"y"}), Op("Relu", {"m"}, {"r"})},
      {{"w", RandomTensor({5, 7}, 1)}, {"b", RandomTensor({7}, 2)}});
  EXPECT_EQ(PlanLayers(graph, {}).value()[0].add_node, "");  // Two readers.
  graph.nodes.pop_back();
  graph.outputs.push_back({.name = "m"});
  EXPECT_EQ(PlanLayers(graph, {}).value()[0].add_node, "");  // The product is an output itself.
  graph.outputs.pop_back();
  graph.initializers["b"] = RandomTensor({4, 7}, 2);
  EXPECT_EQ(PlanLayers(graph, {}).value()[0].add_node, "");  // Not one value a channel.
  graph.initializers["b"] = RandomTensor({1, 1, 7}, 2);
  EXPECT_EQ(PlanLayers(graph, {}).value()[0].add_node, "y");
}

TEST(PlanLayersTest, AProductOfTwoActivationsHasNoWeight) {
  const Graph graph = GraphOf({Op("Relu", {"x"}, {"r"}), Op("MatMul", {"x", "r"}, {"y"})});
  ASSERT_OK_AND_ASSIGN(const auto layers, PlanLayers(graph, {}));
  ASSERT_THAT(layers, SizeIs(1));
  EXPECT_THAT(layers[0].activations, ElementsAre("x", "r"));
  EXPECT_EQ(layers[0].weight, "");
}

TEST(PlanLayersTest, WhatHasNoChannelsToScaleByIsLeftAlone) {
  EXPECT_EQ(PlanOne(Op("MatMul", {"x", "w"}, {"y"}), {{"w", RandomTensor({5}, 1)}}).node, "none");
  EXPECT_EQ(PlanOne(Op("MatMul", {"x", "w"}, {"y"}), {{"w", RandomTensor({2, 5, 7}, 1)}}).node,
            "none");
  EXPECT_EQ(PlanOne(Op("MatMul", {"w", "x"}, {"y"}), {{"w", RandomTensor({5, 7}, 1)}}).node,
            "none");
  // Weights that are computed at run time.
  ASSERT_OK_AND_ASSIGN(const auto layers,
                       PlanLayers(GraphOf({Op("Relu", {"w"}, {"r"}), Op("Conv", {"x", "r"}, {"y"})},
                                          {{"w", RandomTensor({8, 3, 2, 2}, 1)}}),
                                  {}));
  EXPECT_THAT(layers, IsEmpty());
}

Graph ThreeLayers() {
  return GraphOf(
      {Op("Gemm", {"x", "w"}, {"block.0/fc"}), Op("Gemm", {"block.0/fc", "w"}, {"block.1/fc"}),
       Op("MatMul", {"block.1/fc", "w"}, {"y"})},
      {{"w", RandomTensor({4, 4}, 1)}});
}

std::vector<bool> ExcludedBy(const std::vector<LayerRule>& rules) {
  std::vector<bool> excluded;
  const std::vector<PlannedLayer> layers = PlanLayers(ThreeLayers(), rules).value();
  for (const PlannedLayer& layer : layers) excluded.push_back(layer.excluded);
  return excluded;
}

TEST(PlanLayersTest, RulesExcludeByOperatorAndName) {
  EXPECT_THAT(ExcludedBy({}), ElementsAre(false, false, false));
  EXPECT_THAT(ExcludedBy({{.op_type = "Gemm", .exclude = true}}), ElementsAre(true, true, false));
  EXPECT_THAT(ExcludedBy({{.node_name = "block.[1-9]/*", .exclude = true}}),
              ElementsAre(false, true, false));
  EXPECT_THAT(ExcludedBy({{.op_type = "MatMul", .node_name = "?", .exclude = true}}),
              ElementsAre(false, false, true));
  EXPECT_THAT(ExcludedBy({{.exclude = true}}), ElementsAre(true, true, true));
}

TEST(PlanLayersTest, ALaterRuleWins) {
  EXPECT_THAT(ExcludedBy({{.exclude = true}, {.node_name = "y", .exclude = false}}),
              ElementsAre(true, true, false));
  EXPECT_THAT(ExcludedBy({{.node_name = "y", .exclude = false}, {.exclude = true}}),
              ElementsAre(true, true, true));
}

TEST(PlanLayersTest, EveryRuleThatMatchesNothingIsNamed) {
  const absl::Status status = PlanLayers(ThreeLayers(), {{.op_type = "Conv", .exclude = true},
                                                         {.op_type = "Gemm", .exclude = true},
                                                         {.node_name = "Y", .exclude = true}})
                                  .status();
  EXPECT_THAT(status, HasReason("RULE_MATCHES_NOTHING"));
  EXPECT_THAT(status, NamesField("recipe.rules[0]"));
  EXPECT_THAT(status, NamesField("recipe.rules[2]"));
  EXPECT_EQ(GetErrorDetails(status).violations.size(), 2u);
}

TEST(TensorsToObserveTest, AreThoseOfQuantizedLayersEachOnce) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"a"}), Op("Gemm", {"x", "w"}, {"b"}),
                               Op("MatMul", {"b", "a"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  EXPECT_THAT(TensorsToObserve(PlanLayers(graph, {}).value()), ElementsAre("x", "b", "a"));
  EXPECT_THAT(TensorsToObserve(PlanLayers(graph, {{.op_type = "Gemm", .exclude = true}}).value()),
              ElementsAre("b", "a"));
}

}  // namespace
}  // namespace quantd
