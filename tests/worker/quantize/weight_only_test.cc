// Weights stored as codes in blocks, activations left alone.
#include <algorithm>
#include <cmath>

#include "tests/worker/quantize/quantize_bench.h"
#include "worker/quantize/lower_model.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: builders.
using ::testing::ElementsAre;
using ::testing::Each;
using ::testing::IsEmpty;

constexpr int64_t kBlockedOpset = 21;

Recipe BlockRecipe(const std::string& format, int64_t block_size, const std::string& range = "minmax") {
  return {.weight = {{format}, {"per_block", {{"block_size", block_size}}}, {range}, {"nearest"}}};
}

Graph Quantized21(const Graph& graph, const Tensor& x, const Recipe& recipe) {
  const Quantized quantized = Quantize(graph, x, recipe);
  return ApplyQuantization(graph, quantized.plan, quantized.quantization).value();
}

double Largest(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double most = 0;
  for (int64_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::fabs(a.data<float>()[i] - b.data<float>()[i]));
  return most;
}

// Every code by the definition: of a block the largest magnitude / 7 is the step.
TEST(WeightOnlyTest, EachBlockAlongTheInputAxisHasItsOwnScale) {
  const int64_t k = 40, n = 3, block = 16;  // The last block has 8 weights.
  const Tensor w = RandomTensor({k, n}, 1);
  const Quantized quantized = Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", w}}), RandomTensor({4, k}, 2),
                                       BlockRecipe("int4_sym", block));
  EXPECT_THAT(quantized.plan.groups, IsEmpty());
  const CodedTensor& coded = quantized.quantization.weights.at({"y", 1});
  EXPECT_EQ(coded.codes.dtype(), DataType::kInt4);
  EXPECT_EQ(coded.code.scale.shape(), Shape({3, n}));
  EXPECT_EQ(coded.code.zero_point.dtype(), DataType::kInt4);
  EXPECT_EQ(coded.axis, 0);
  EXPECT_EQ(coded.block_size, block);
  const std::vector<int64_t> codes = CodesOf(coded.codes);
  for (int64_t column = 0; column < n; ++column) {
    for (int64_t b = 0; b < 3; ++b) {
      float most = 0;
      const int64_t end = std::min(k, (b + 1) * block);
      for (int64_t i = b * block; i < end; ++i) most = std::max(most, std::fabs(w.data<float>()[i * n + column]));
      const float scale = coded.code.scale.data<float>()[b * n + column];
      EXPECT_FLOAT_EQ(scale, most / 7);
      for (int64_t i = b * block; i < end; ++i) {
        EXPECT_NEAR(static_cast<double>(codes[static_cast<size_t>(i * n + column)]) * scale,
                    w.data<float>()[i * n + column], scale * 0.5001);
      }
    }
  }
}

TEST(WeightOnlyTest, TheGraphUnpacksWhatWasChosenAndNothingElseChanges) {
  for (const char* format : {"int4_sym", "uint4_asym", "int8_sym", "uint8_asym", "int2_sym"}) {
    const Tensor w = RandomTensor({64, 6}, 3), x = RandomTensor({5, 64}, 4);
    const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Relu", {"m"}, {"y"})}, {{"w", w}});
    const Graph quantized = Quantized21(graph, x, BlockRecipe(format, 32));
    EXPECT_THAT(Types(quantized), ElementsAre("DequantizeLinear", "MatMul", "Relu")) << format;
    EXPECT_EQ(quantized.nodes[0].Int("block_size", 0), 32);
    EXPECT_EQ(quantized.nodes[0].Int("axis", -1), 0);
    const Tensor y = RunGraph(graph, x).at("y"), simulated = RunGraph(quantized, x, {}, kBlockedOpset).at("y");
    const double error = Largest(y, simulated);
    EXPECT_GT(error, 0) << format;
    // 64 products of |x| <= 1 with weights that are off by half a step of the range 2.
    const int steps = (1 << BitsOf(FindIntFormat(format)->storage)) - 1;
    EXPECT_LT(error, 64 * 2.2 / steps) << format;
  }
}

TEST(WeightOnlyTest, AZeroPointFollowsALopsidedBlock) {
  // Weights in [0.5, 1.5]: 15 steps of 0.1 with zero point 0, where a symmetric code has 7.
  Tensor w = RandomTensor({32, 2}, 5, 0.5);
  for (int64_t i = 0; i < w.size(); ++i) w.mutable_data<float>()[i] += 1;
  const CodedTensor coded = Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", w}}), RandomTensor({2, 32}, 1),
                                     BlockRecipe("uint4_asym", 32))
                                .quantization.weights.at({"y", 1});
  EXPECT_THAT(CodesOf(coded.code.zero_point), Each(0));
  const auto [lowest, highest] = std::minmax_element(w.data<float>(), w.data<float>() + w.size());
  EXPECT_GT(*lowest, 0);
  EXPECT_LE(coded.code.scale.data<float>()[0], *highest / 15 * 1.0001);
}

TEST(WeightOnlyTest, BlocksRunAlongWhatEachLayerSumsOver) {
  struct Case {
    Graph graph;
    Shape x, scales;
    int axis;
  };
  const Case cases[] = {
      {GraphOf({Op("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}})}, {{"w", RandomTensor({5, 32}, 1)}}), {2, 32},
       {5, 2}, 1},
      {GraphOf({Op("Gemm", {"x", "w"}, {"y"})}, {{"w", RandomTensor({32, 5}, 1)}}), {2, 32}, {2, 5}, 0},
      {GraphOf({Op("Conv", {"x", "w"}, {"y"})}, {{"w", RandomTensor({4, 32, 1, 1}, 1)}}), {1, 32, 2, 2}, {4, 2, 1, 1}, 1},
      {GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", RandomTensor({2, 32, 5}, 1)}}), {2, 3, 32}, {2, 2, 5}, 1},
      // A window of several taps, or of one channel: one code an output channel.
      {GraphOf({Op("Conv", {"x", "w"}, {"y"})}, {{"w", RandomTensor({4, 32, 3, 3}, 1)}}), {1, 32, 4, 4}, {4}, 0},
      {GraphOf({Op("Conv", {"x", "w"}, {"y"}, {{"group", int64_t{4}}})}, {{"w", RandomTensor({4, 1, 3, 3}, 1)}}),
       {1, 4, 4, 4}, {4}, 0},
  };
  for (const Case& c : cases) {
    const Tensor x = RandomTensor(c.x, 2);
    const Quantized quantized = Quantize(c.graph, x, BlockRecipe("int4_sym", 16));
    const CodedTensor& coded = quantized.quantization.weights.at({"y", 1});
    EXPECT_EQ(coded.code.scale.shape(), c.scales);
    EXPECT_EQ(coded.axis, c.axis);
    const Graph graph = ApplyQuantization(c.graph, quantized.plan, quantized.quantization).value();
    // Weights in [-1, 1]: off by at most 1/14 each.
    const int64_t sum = c.graph.initializers.at("w").size() / c.graph.initializers.at("w").dim(0);
    EXPECT_LT(Largest(RunGraph(c.graph, x).at("y"), RunGraph(graph, x, {}, kBlockedOpset).at("y")), 0.08 * sum);
  }
}

TEST(WeightOnlyTest, ProductsOfActivationsAreNoLayers) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"a"}), Op("Transpose", {"a"}, {"t"}),
                               Op("MatMul", {"a", "t"}, {"y"})},
                              {{"w", RandomTensor({32, 4}, 1)}});
  const QuantizationPlan plan = PlanQuantization(graph, BlockRecipe("int4_sym", 16)).value();
  ASSERT_EQ(plan.layers.size(), 1u);
  EXPECT_EQ(plan.layers[0].node, "a");
  EXPECT_THAT(TensorsToObserve(plan), IsEmpty());
  EXPECT_THAT(plan.reads, IsEmpty());
}

TEST(WeightOnlyTest, MseNeverDoesWorseThanTheFullRange) {
  const Tensor w = RandomTensor({64, 8}, 9), x = RandomTensor({2, 64}, 1);
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", w}});
  const auto error = [&](const std::string& range) {
    const CodedTensor coded = Quantize(graph, x, BlockRecipe("int4_sym", 32, range)).quantization.weights.at({"y", 1});
    const std::vector<int64_t> codes = CodesOf(coded.codes);
    double sum = 0;
    for (int64_t i = 0; i < w.size(); ++i) {
      const double scale = coded.code.scale.data<float>()[i / 8 / 32 * 8 + i % 8];
      sum += std::pow(static_cast<double>(codes[static_cast<size_t>(i)]) * scale - w.data<float>()[i], 2);
    }
    return sum;
  };
  EXPECT_LT(error("mse"), error("minmax"));
}

Model ModelOf(Graph graph) { return {.graph = std::move(graph), .opset_imports = {{"", kBlockedOpset}}}; }

TEST(LowerToMatMulNBitsTest, StoresTheDocumentedLayout) {
  // N = 1, K = 32, range [-1, 2]: scale 0.2, zero point 5, so -1 -> 0, 2 -> 15, 0 -> 5.
  Tensor w(DataType::kFloat, {32, 1});
  w.mutable_data<float>()[0] = -1;
  w.mutable_data<float>()[1] = 2;
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", w}});
  const Model lowered =
      LowerToMatMulNBits(ModelOf(Quantized21(graph, RandomTensor({1, 32}, 1), BlockRecipe("uint4_asym", 32)))).value();
  ASSERT_EQ(lowered.graph.nodes.size(), 1u);
  const Node& node = lowered.graph.nodes[0];
  EXPECT_EQ(node.op_type, "MatMulNBits");
  EXPECT_EQ(node.domain, "com.microsoft");
  EXPECT_EQ(lowered.opset_imports.at("com.microsoft"), 1);
  EXPECT_EQ(node.Int("K", 0), 32);
  EXPECT_EQ(node.Int("N", 0), 1);
  EXPECT_EQ(node.Int("bits", 0), 4);
  EXPECT_EQ(node.Int("block_size", 0), 32);
  ASSERT_EQ(node.inputs.size(), 4u);
  const Tensor& codes = lowered.graph.initializers.at(node.inputs[1]);
  EXPECT_EQ(codes.shape(), Shape({1, 1, 16}));
  EXPECT_EQ(codes.data<uint8_t>()[0], 0xf0);
  EXPECT_EQ(codes.data<uint8_t>()[1], 0x55);
  EXPECT_FLOAT_EQ(lowered.graph.initializers.at(node.inputs[2]).data<float>()[0], 0.2f);
  EXPECT_EQ(lowered.graph.initializers.at(node.inputs[3]).data<uint8_t>()[0], 0x05);
  EXPECT_EQ(lowered.graph.initializers.size(), 3u);  // Nothing of the other form is left.
}

TEST(LowerToMatMulNBitsTest, ComputesWhatTheSimulationComputes) {
  const Graph graphs[] = {
      GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", RandomTensor({40, 5}, 1)}}),
      GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"}, {{"transB", int64_t{1}}})},
              {{"w", RandomTensor({5, 40}, 1)}, {"b", RandomTensor({5}, 2)}}),
      GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"})}, {{"w", RandomTensor({40, 5}, 1)}, {"b", RandomTensor({1, 5}, 2)}}),
  };
  const Tensor x = RandomTensor({3, 40}, 3);
  for (const Graph& graph : graphs) {
    for (const char* format : {"int2_sym", "uint2_asym", "int4_sym", "uint4_asym", "int8_sym", "uint8_asym", "uint8_sym"}) {
      const Graph simulated = Quantized21(graph, x, BlockRecipe(format, 16));
      const Model lowered = LowerToMatMulNBits(ModelOf(simulated)).value();
      EXPECT_EQ(lowered.graph.nodes[0].op_type, "MatMulNBits");
      EXPECT_LT(Largest(RunGraph(lowered.graph, x, {}, kBlockedOpset).at("y"),
                        RunGraph(simulated, x, {}, kBlockedOpset).at("y")),
                1e-5)
          << format;
    }
  }
}

TEST(LowerToMatMulNBitsTest, SymmetricCodesNeedNoZeroPoints) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", RandomTensor({32, 2}, 1)}});
  const Model lowered =
      LowerToMatMulNBits(ModelOf(Quantized21(graph, RandomTensor({1, 32}, 1), BlockRecipe("int4_sym", 16)))).value();
  EXPECT_EQ(lowered.graph.nodes[0].inputs.size(), 3u);
}

TEST(LowerToMatMulNBitsTest, WhatItCannotHoldStays) {
  const Tensor x = RandomTensor({1, 32, 2, 2}, 1);
  const Graph conv = GraphOf({Op("Conv", {"x", "w"}, {"y"})}, {{"w", RandomTensor({4, 32, 1, 1}, 1)}});
  const Graph simulated = Quantized21(conv, x, BlockRecipe("int4_sym", 16));
  const Model lowered = LowerToMatMulNBits(ModelOf(simulated)).value();
  EXPECT_THAT(Types(lowered.graph), ElementsAre("DequantizeLinear", "Conv"));
  EXPECT_EQ(lowered.opset_imports.count("com.microsoft"), 0u);
  // 2 bits are stored in 4.
  const Graph narrow = Quantized21(conv, x, BlockRecipe("uint2_asym", 16));
  const Model widened = LowerToMatMulNBits(ModelOf(narrow)).value();
  EXPECT_EQ(widened.graph.initializers.at(widened.graph.nodes[0].inputs[0]).dtype(), DataType::kUint4);
  EXPECT_EQ(Largest(RunGraph(widened.graph, x, {}, kBlockedOpset).at("y"), RunGraph(narrow, x, {}, kBlockedOpset).at("y")), 0);
}

}  // namespace
}  // namespace quantd
