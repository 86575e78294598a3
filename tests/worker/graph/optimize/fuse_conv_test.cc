#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/graph/optimize/passes.h"

namespace quantd::optimize {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;
using testing::Op;
using testing::Types;

const std::map<std::string, Tensor> kWeights = {{"w", Tensor(DataType::kFloat, {2, 2, 1, 1})},
                                                {"low", Tensor::Scalar<float>(0)},
                                                {"high", Tensor::Scalar<float>(6)}};

Graph Fused(std::vector<Node> nodes, bool also_an_output = false) {
  Graph graph = GraphOf(std::move(nodes), kWeights);
  graph.inputs[0].has_shape = true;
  graph.inputs[0].shape = {{-1, "N"}, {2, ""}, {4, ""}, {5, ""}};
  if (also_an_output) graph.outputs.push_back({.name = "c"});
  FuseConv(graph, {.opset = 17, .supports = [](const Node&) { return true; }});
  return graph;
}

TEST(FuseConvTest, AConvolutionAppliesTheActivationThatFollows) {
  const Graph graph = Fused({Op("Conv", {"x", "w"}, {"c"}, {{"group", int64_t{1}}}), Op("Relu", {"c"}, {"y"})});
  ASSERT_THAT(Types(graph), ElementsAre("FusedConv"));
  const Node& node = graph.nodes[0];
  EXPECT_EQ(node.domain, "quantd");
  EXPECT_THAT(node.outputs, ElementsAre("y"));
  EXPECT_THAT(node.inputs, ElementsAre("x", "w"));
  EXPECT_EQ(node.String("activation", ""), "relu");
  EXPECT_EQ(node.Int("group", 0), 1);
}

TEST(FuseConvTest, ClipTakesItsBoundsFromConstants) {
  const Graph graph = Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Clip", {"c", "low", "high"}, {"y"})});
  ASSERT_THAT(Types(graph), ElementsAre("FusedConv"));
  EXPECT_EQ(graph.nodes[0].Float("activation_alpha", -1), 0);
  EXPECT_EQ(graph.nodes[0].Float("activation_beta", -1), 6);
}

TEST(FuseConvTest, BoundsThatAreComputedStayOutside) {
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("ReduceMax", {"x"}, {"m"}),
                           Op("Clip", {"c", "low", "m"}, {"y"})})),
              ElementsAre("Conv", "ReduceMax", "Clip"));
}

TEST(FuseConvTest, ASumOfEqualShapesIsAResidual) {
  for (const bool swapped : {false, true}) {
    const Graph graph = Fused({Op("Conv", {"x", "w"}, {"c"}),
                               swapped ? Op("Add", {"x", "c"}, {"s"}) : Op("Add", {"c", "x"}, {"s"}),
                               Op("Relu", {"s"}, {"y"})});
    ASSERT_THAT(Types(graph), ElementsAre("FusedConv"));
    EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "w", "", "x"));
    EXPECT_EQ(graph.nodes[0].String("activation", ""), "relu");
  }
}

TEST(FuseConvTest, OfTwoConvolutionsOneTakesTheSum) {
  const Graph graph = Fused({Op("Conv", {"x", "w"}, {"a"}), Op("Conv", {"x", "w"}, {"b"}), Op("Add", {"a", "b"}, {"y"})});
  EXPECT_EQ(Types(graph).size(), 2u);
  EXPECT_EQ(graph.nodes.back().op_type, "FusedConv");
  EXPECT_EQ(graph.nodes.back().inputs[3], graph.nodes.front().outputs[0]);
}

TEST(FuseConvTest, ASumThatBroadcastsStaysOutside) {
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("GlobalAveragePool", {"x"}, {"g"}),
                           Op("Add", {"c", "g"}, {"y"})})),
              ElementsAre("Conv", "GlobalAveragePool", "Add"));
}

TEST(FuseConvTest, ATensorThatIsAnOutputOrReadTwiceStays) {
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Relu", {"c"}, {"y"})}, true)),
              ElementsAre("Conv", "Relu"));
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Relu", {"c"}, {"r"}), Op("Add", {"r", "c"}, {"y"})})),
              ElementsAre("Conv", "Relu", "Add"));
}

TEST(FuseConvTest, AnActivationWithoutAFusedFormStays) {
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Selu", {"c"}, {"y"})})),
              ElementsAre("Conv", "Selu"));
}

}  // namespace
}  // namespace quantd::optimize
