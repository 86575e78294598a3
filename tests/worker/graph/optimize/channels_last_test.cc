#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/graph/optimize/passes.h"

namespace quantd::optimize {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::GraphOf;
using testing::Ints;
using testing::Op;
using testing::Types;

constexpr int64_t kOpset = 18;
using Initializers = std::map<std::string, Tensor>;

Graph Moved(std::vector<Node> nodes, Initializers more = {}, const std::vector<std::string>& outputs = {}) {
  more["w"] = Tensor(DataType::kFloat, {2, 2, 1, 1});
  Graph graph = GraphOf(std::move(nodes), std::move(more));
  for (const std::string& output : outputs) graph.outputs.push_back({.name = output});
  MoveChannelsLast(graph, {.opset = kOpset, .supports = [](const Node&) { return true; }});
  EXPECT_OK(SortTopologically(graph));  // Every tensor has one maker, before its readers.
  return graph;
}

TEST(ChannelsLastTest, AChainIsTransposedAtItsEndsOnly) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Relu", {"a"}, {"b"}),
                             Op("MaxPool", {"b"}, {"c"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}}),
                             Op("Conv", {"c", "w"}, {"d"}), Op("Add", {"d", "c"}, {"y"})});
  EXPECT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Relu", "ChannelsLastMaxPool",
                                        "FusedConv", "Add", "Transpose"));
  EXPECT_THAT(graph.nodes[0].Ints("perm"), ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(graph.nodes[6].Ints("perm"), ElementsAre(0, 3, 1, 2));
  EXPECT_THAT(graph.nodes[6].outputs, ElementsAre("y"));
  EXPECT_EQ(graph.nodes[1].Int("channels_last", 0), 1);
}

TEST(ChannelsLastTest, OutputsAreThereInTheirOwnLayout) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Relu", {"a"}, {"b"}), Op("Conv", {"b", "w"}, {"y"})},
                            {}, {"b"});
  EXPECT_EQ(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                          [](const Node& node) { return node.outputs[0] == "b" && node.Is("Transpose"); }),
            1);
}

TEST(ChannelsLastTest, AnOutputOfAnyLayoutIsNotTransposedBack) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"a"}), Op("Relu", {"a"}, {"b"}), Op("Conv", {"b", "w"}, {"y"})},
                        {{"w", Tensor(DataType::kFloat, {2, 2, 1, 1})}});
  for (const char* output : {"b", "x"}) graph.outputs.push_back({.name = output});
  MoveChannelsLast(graph,
                   {.opset = kOpset, .any_layout = {"b", "x"}, .supports = [](const Node&) { return true; }});
  EXPECT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Relu", "FusedConv", "Transpose"));
  EXPECT_THAT(graph.nodes[4].outputs, ElementsAre("y"));  // Not among them: plain.
  ASSERT_EQ(graph.outputs.size(), 3u);
  EXPECT_EQ(graph.outputs[1].name, graph.nodes[2].outputs[0]);
  EXPECT_EQ(graph.outputs[2].name, "x");  // There is nothing to spare.
}

TEST(ChannelsLastTest, WithoutAConvolutionNothingMoves) {
  EXPECT_THAT(Types(Moved({Op("Relu", {"x"}, {"a"}), Op("GlobalAveragePool", {"a"}, {"y"})})),
              ElementsAre("Relu", "GlobalAveragePool"));
}

TEST(ChannelsLastTest, AWeightOfCodesIsAWeight) {
  const Graph graph = Moved({Op("DequantizeLinear", {"q", "s"}, {"wq"}), Op("Conv", {"x", "wq"}, {"y"})},
                            {{"q", Tensor(DataType::kInt8, {2, 2, 1, 1})}, {"s", Tensor::Scalar<float>(1)}});
  EXPECT_THAT(Types(graph), ElementsAre("DequantizeLinear", "Transpose", "FusedConv", "Transpose"));
}

TEST(ChannelsLastTest, ConvolutionsOfLinesAndComputedWeightsStay) {
  EXPECT_THAT(Types(Moved({Op("Conv", {"x", "line"}, {"y"})}, {{"line", Tensor(DataType::kFloat, {2, 2, 3})}})),
              ElementsAre("Conv"));
  EXPECT_THAT(Types(Moved({Op("Relu", {"x"}, {"v"}), Op("Conv", {"x", "v"}, {"y"})})), ElementsAre("Relu", "Conv"));
}

TEST(ChannelsLastTest, OneValueAChannelBecomesAVector) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Mul", {"a", "scale"}, {"y"})},
                            {{"scale", Tensor::Of<float>({1, 2, 1, 1}, {3, 4})}});
  ASSERT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Mul", "Transpose"));
  const std::string& operand = graph.nodes[2].inputs[1];
  EXPECT_EQ(graph.initializers.at(operand).shape(), Shape{2});
  EXPECT_THAT(Floats(graph, operand), ElementsAre(3, 4));
}

TEST(ChannelsLastTest, AnOperandOfUnknownShapeNeedsThePlainForm) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Tile", {"x", "r"}, {"t"}), Op("Mul", {"a", "t"}, {"y"})},
                            {{"r", Tensor::Of<int64_t>({4}, {1, 1, 1, 1})}});
  EXPECT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Tile", "Transpose", "Mul"));
}

TEST(ChannelsLastTest, AxesAreRenamed) {
  const Graph graph =
      Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Concat", {"a", "a"}, {"b"}, {{"axis", int64_t{1}}}),
             Op("Slice", {"b", "starts", "ends", "axes"}, {"c"}),
             Op("Softmax", {"c"}, {"d"}, {{"axis", int64_t{-3}}}),
             Op("Pad", {"d", "pads"}, {"y"})},
            {{"starts", Tensor::Of<int64_t>({2}, {1, 0})},
             {"ends", Tensor::Of<int64_t>({2}, {3, 2})},
             {"axes", Tensor::Of<int64_t>({2}, {1, -1})},
             {"pads", Tensor::Of<int64_t>({8}, {0, 1, 2, 3, 4, 5, 6, 7})}});
  ASSERT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Concat", "Slice", "Softmax", "Pad", "Transpose"));
  EXPECT_EQ(graph.nodes[2].Int("axis", 0), 3);
  EXPECT_THAT(Ints(graph, graph.nodes[3].inputs[3]), ElementsAre(3, 2));
  EXPECT_EQ(graph.nodes[4].Int("axis", 0), 3);
  EXPECT_THAT(Ints(graph, graph.nodes[5].inputs[1]), ElementsAre(0, 2, 3, 1, 4, 6, 7, 5));
}

TEST(ChannelsLastTest, AfterAGlobalPoolNothingNeedsTurningBack) {
  EXPECT_THAT(Types(Moved({Op("Conv", {"x", "w"}, {"a"}), Op("GlobalAveragePool", {"a"}, {"b"}),
                           Op("Flatten", {"b"}, {"y"}, {{"axis", int64_t{1}}})})),
              ElementsAre("Transpose", "FusedConv", "ChannelsLastGlobalAveragePool", "Flatten"));
  EXPECT_THAT(Types(Moved({Op("Conv", {"x", "w"}, {"a"}), Op("GlobalAveragePool", {"a"}, {"b"}),
                           Op("Reshape", {"b", "shape"}, {"y"})},
                          {{"shape", Tensor::Of<int64_t>({2}, {0, -1})}})),
              ElementsAre("Transpose", "FusedConv", "ChannelsLastGlobalAveragePool", "Reshape"));
}

TEST(ChannelsLastTest, AMeanOverThePlaneLeavesChannels) {
  const Initializers axes = {{"axes", Tensor::Of<int64_t>({2}, {-2, 3})}};
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}),
                             Op("ReduceMean", {"a", "axes"}, {"y"}, {{"keepdims", int64_t{0}}})},
                            axes);
  ASSERT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "ReduceMean"));
  EXPECT_THAT(Ints(graph, graph.nodes[2].inputs[1]), ElementsAre(1, 2));
}

TEST(ChannelsLastTest, AReductionThatMixesAxesNeedsThePlainForm) {
  EXPECT_THAT(Types(Moved({Op("Conv", {"x", "w"}, {"a"}),
                           Op("ReduceMean", {"a", "axes"}, {"y"}, {{"keepdims", int64_t{0}}})},
                          {{"axes", Tensor::Of<int64_t>({1}, {1})}})),
              ElementsAre("Transpose", "FusedConv", "Transpose", "ReduceMean"));
}

TEST(ChannelsLastTest, ShapesAreReadWithoutTurningTheTensor) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}), Op("Shape", {"a"}, {"y"})});
  ASSERT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Shape", "Gather"));
  EXPECT_THAT(Ints(graph, graph.nodes[3].inputs[1]), ElementsAre(0, 3, 1, 2));
}

TEST(ChannelsLastTest, TransposesMeet) {
  const Graph graph = Moved({Op("Conv", {"x", "w"}, {"a"}),
                             Op("Transpose", {"a"}, {"y"}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}})});
  ASSERT_THAT(Types(graph), ElementsAre("Transpose", "FusedConv", "Transpose"));
  EXPECT_THAT(graph.nodes[2].Ints("perm"), ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace quantd::optimize
