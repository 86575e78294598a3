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
      FindLayers(GraphOf({node}, std::move(initializers)));
  return layers.size() == 1 ? layers[0] : PlannedLayer{.node = "none"};
}

TEST(PlanLayersTest, AConvHasItsChannelsFirst) {
  const PlannedLayer layer =
      PlanOne(Op("Conv", {"x", "w", "b"}, {"y"}),
              {{"w", RandomTensor({8, 3, 2, 2}, 1)}, {"b", RandomTensor({8}, 2)}});
  EXPECT_EQ(layer.output, "y");
  EXPECT_THAT(layer.activations, ElementsAre("x"));
  ASSERT_THAT(layer.weights, SizeIs(1));
  EXPECT_EQ(layer.weights[0].initializer, "w");
  EXPECT_EQ(layer.weights[0].input, 1u);
  EXPECT_EQ(layer.weights[0].axis, 0);
  EXPECT_EQ(layer.weights[0].channels, 8);
  EXPECT_EQ(layer.channels, 8);
  EXPECT_FALSE(layer.channels_last);
  EXPECT_EQ(layer.bias, "b");
  EXPECT_FALSE(layer.excluded);
}

TEST(PlanLayersTest, AGemmHasItsChannelsWhereItsTranspositionPutsThem) {
  const std::map<std::string, Tensor> weights = {{"w", RandomTensor({5, 7}, 1)}};
  EXPECT_EQ(PlanOne(Op("Gemm", {"x", "w"}, {"y"}), weights).channels, 7);
  const PlannedLayer transposed =
      PlanOne(Op("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}}), weights);
  EXPECT_EQ(transposed.channels, 5);
  EXPECT_EQ(transposed.weights[0].axis, 0);
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
  const std::vector<PlannedLayer> layers = FindLayers(graph);
  ASSERT_THAT(layers, SizeIs(1));
  EXPECT_EQ(layers[0].weights[0].axis, 1);
  EXPECT_EQ(layers[0].channels, 7);
  EXPECT_EQ(layers[0].add_node, "y");
  EXPECT_EQ(layers[0].add_bias, "b");
}

TEST(PlanLayersTest, AnAddThatOthersCouldNoticeIsLeftAlone) {
  Graph graph = GraphOf(
      {Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"m", "b"}, {"y"}), Op("Relu", {"m"}, {"r"})},
      {{"w", RandomTensor({5, 7}, 1)}, {"b", RandomTensor({7}, 2)}});
  EXPECT_EQ(FindLayers(graph)[0].add_node, "");  // Two readers.
  graph.nodes.pop_back();
  graph.outputs.push_back({.name = "m"});
  EXPECT_EQ(FindLayers(graph)[0].add_node, "");  // The product is an output itself.
  graph.outputs.pop_back();
  graph.initializers["b"] = RandomTensor({4, 7}, 2);
  EXPECT_EQ(FindLayers(graph)[0].add_node, "");  // Not one value a channel.
  graph.initializers["b"] = RandomTensor({1, 1, 7}, 2);
  EXPECT_EQ(FindLayers(graph)[0].add_node, "y");
}

TEST(PlanLayersTest, AProductOfTwoActivationsHasNoWeight) {
  const Graph graph = GraphOf({Op("Relu", {"x"}, {"r"}), Op("MatMul", {"x", "r"}, {"y"})});
  const std::vector<PlannedLayer> layers = FindLayers(graph);
  ASSERT_THAT(layers, SizeIs(1));
  EXPECT_THAT(layers[0].activations, ElementsAre("x", "r"));
  EXPECT_THAT(layers[0].weights, IsEmpty());
}

TEST(PlanLayersTest, WhereIntegerSumsTakeOneScaleTheWeightGetsOne) {
  const PlannedLayer batched =
      PlanOne(Op("MatMul", {"x", "w"}, {"y"}), {{"w", RandomTensor({2, 5, 7}, 1)}});
  EXPECT_EQ(batched.weights[0].axis, -1);
  EXPECT_EQ(batched.channels, 0);
  const PlannedLayer left =
      PlanOne(Op("MatMul", {"w", "x"}, {"y"}), {{"w", RandomTensor({5, 7}, 1)}});
  EXPECT_THAT(left.activations, ElementsAre("x"));
  EXPECT_EQ(left.weights[0].input, 0u);
  EXPECT_EQ(left.weights[0].axis, -1);
}

TEST(PlanLayersTest, WhatIsNoMatrixOrNoWeightIsLeftAlone) {
  EXPECT_EQ(PlanOne(Op("MatMul", {"x", "w"}, {"y"}), {{"w", RandomTensor({5}, 1)}}).node, "none");
  EXPECT_EQ(PlanOne(Op("MatMul", {"x", "w"}, {"y"}), {{"w", Tensor(DataType::kDouble, {5, 7})}}).node, "none");
  // Weights that are computed at run time.
  EXPECT_THAT(FindLayers(GraphOf({Op("Relu", {"w"}, {"r"}), Op("Conv", {"x", "r"}, {"y"})},
                                 {{"w", RandomTensor({8, 3, 2, 2}, 1)}})),
              IsEmpty());
}

TEST(PlanLayersTest, AConvTransposeHasTheChannelsOfAGroupOnAxisOne) {
  // [in 6, out / group 2, 3, 3] in 3 groups: 6 channels come out, in pairs that share two scales.
  const PlannedLayer layer = PlanOne(Op("ConvTranspose", {"x", "w", "b"}, {"y"}, {{"group", int64_t{3}}}),
                                     {{"w", RandomTensor({6, 2, 3, 3}, 1)}, {"b", RandomTensor({6}, 2)}});
  EXPECT_EQ(layer.weights[0].axis, 1);
  EXPECT_EQ(layer.weights[0].channels, 2);
  EXPECT_EQ(layer.channels, 6);
  EXPECT_EQ(layer.bias, "b");
  EXPECT_FALSE(layer.channels_last);
}

TEST(PlanLayersTest, AConvMayHaveAnyNumberOfAxes) {
  for (const Shape& shape : {Shape{4, 2, 3}, Shape{4, 2, 3, 3}, Shape{4, 2, 3, 3, 3}}) {
    const PlannedLayer layer = PlanOne(Op("Conv", {"x", "w"}, {"y"}), {{"w", RandomTensor(shape, 1)}});
    EXPECT_EQ(layer.channels, 4);
    EXPECT_EQ(layer.weights[0].axis, 0);
  }
}

TEST(PlanLayersTest, ATableOfEmbeddingsHasItsRows) {
  const std::map<std::string, Tensor> table = {{"t", RandomTensor({30, 8}, 1)}};
  const PlannedLayer layer = PlanOne(Op("Gather", {"t", "x"}, {"y"}), table);
  EXPECT_THAT(layer.activations, IsEmpty());
  EXPECT_EQ(layer.weights[0].input, 0u);
  EXPECT_EQ(layer.weights[0].axis, 0);
  EXPECT_EQ(layer.weights[0].channels, 30);
  // Columns that are looked up have no scale of their own.
  EXPECT_EQ(PlanOne(Op("Gather", {"t", "x"}, {"y"}, {{"axis", int64_t{1}}}), table).weights[0].axis, -1);
  // A lookup in a vector is shape arithmetic; one in an activation carries codes.
  EXPECT_EQ(PlanOne(Op("Gather", {"v", "x"}, {"y"}), {{"v", RandomTensor({9}, 1)}}).node, "none");
  EXPECT_EQ(PlanOne(Op("Gather", {"x", "i"}, {"y"}), {}).node, "none");
}

TEST(PlanLayersTest, ARecurrentLayerStoresBothItsMatrices) {
  for (const char* type : {"LSTM", "GRU", "RNN"}) {
    const PlannedLayer layer = PlanOne(
        Op(type, {"x", "w", "r", "b"}, {"y"}),
        {{"w", RandomTensor({1, 8, 3}, 1)}, {"r", RandomTensor({1, 8, 2}, 2)}, {"b", RandomTensor({1, 16}, 3)}});
    EXPECT_THAT(layer.activations, IsEmpty());
    ASSERT_THAT(layer.weights, SizeIs(2));
    EXPECT_EQ(layer.weights[0].input, 1u);
    EXPECT_EQ(layer.weights[1].input, 2u);
    for (const PlannedWeight& weight : layer.weights) {
      EXPECT_EQ(weight.axis, 1);
      EXPECT_EQ(weight.channels, 8);
    }
  }
  // The sequence of outputs may be left away.
  Node last = Op("LSTM", {"x", "w", "r"}, {"y"});
  last.outputs = {"", "y"};
  EXPECT_EQ(PlanOne(last, {{"w", RandomTensor({1, 8, 3}, 1)}, {"r", RandomTensor({1, 8, 2}, 2)}}).output, "y");
}

}  // namespace
}  // namespace quantd
