#include "worker/graph/optimize/fuse_conv.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::GraphOf;
using testing::Op;
using testing::Types;

const std::map<std::string, Tensor> kWeights = {{"w", Tensor(DataType::kFloat, {2, 2, 1, 1})},
                                                {"low", Tensor::Scalar<float>(0)},
                                                {"high", Tensor::Scalar<float>(6)}};

Graph Fused(std::vector<Node> nodes, const std::set<std::string>& keep = {}) {
  Graph graph = GraphOf(std::move(nodes), kWeights);
  EXPECT_OK(FuseConvActivation(graph, keep));
  return graph;
}

TEST(FuseConvTest, AConvolutionAppliesTheActivationThatFollows) {
  const Graph graph = Fused({Op("Conv", {"x", "w"}, {"c"}, {{"group", int64_t{1}}}), Op("Relu", {"c"}, {"y"})});
  ASSERT_THAT(Types(graph), ElementsAre("FusedConv"));
  const Node& node = graph.nodes[0];
  EXPECT_EQ(node.domain, "quantd");
  EXPECT_THAT(node.outputs, ElementsAre("y"));
  EXPECT_THAT(node.inputs, ElementsAre("x", "w"));
  EXPECT_EQ(node.String("activation", ""), "Relu");
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

TEST(FuseConvTest, XTimesSigmoidOfXIsSilu) {
  for (const bool swapped : {false, true}) {
    const Graph graph =
        Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Sigmoid", {"c"}, {"s"}),
               swapped ? Op("Mul", {"s", "c"}, {"y"}) : Op("Mul", {"c", "s"}, {"y"})});
    ASSERT_THAT(Types(graph), ElementsAre("FusedConv"));
    EXPECT_EQ(graph.nodes[0].String("activation", ""), "Silu");
  }
}

TEST(FuseConvTest, ATensorThatIsKeptOrReadTwiceStays) {
  const std::vector<Node> chain = {Op("Conv", {"x", "w"}, {"c"}), Op("Relu", {"c"}, {"y"})};
  EXPECT_THAT(Types(Fused(chain, {"c"})), ElementsAre("Conv", "Relu"));
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Relu", {"c"}, {"r"}), Op("Add", {"r", "c"}, {"y"})})),
              ElementsAre("Conv", "Relu", "Add"));
  Graph output = GraphOf(chain, kWeights);
  output.outputs.push_back({.name = "c"});
  EXPECT_OK(FuseConvActivation(output, {}));
  EXPECT_THAT(Types(output), ElementsAre("Conv", "Relu"));
}

TEST(FuseConvTest, AnActivationWithoutAFusedFormStays) {
  EXPECT_THAT(Types(Fused({Op("Conv", {"x", "w"}, {"c"}), Op("Selu", {"c"}, {"y"})})),
              ElementsAre("Conv", "Selu"));
}

}  // namespace
}  // namespace quantd
