#include "worker/quantize/correct_bias.h"

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using testing::BatchesOf;
using testing::GraphOf;
using testing::InputsOnly;
using ::testing::IsEmpty;
using testing::kOpset;
using testing::MinmaxRecipe;
using testing::Op;
using testing::Quantize;
using testing::Quantized;
using testing::RandomTensor;
using testing::RunGraph;
using ::testing::SizeIs;
using testing::ValuesOf;

// Three bits make errors that can be seen.
Recipe Coarse() {
  Recipe recipe = MinmaxRecipe();
  recipe.activation.range = {"percentile", {{"p", 0.8}}};
  recipe.weight.range = {"percentile", {{"p", 0.6}}};
  return recipe;
}

// Mean over rows and positions of (full - quantized) of each of two channels.
std::vector<double> MeanErrors(const std::vector<float>& full, const std::vector<float>& quantized,
                               int64_t channel_stride) {
  std::vector<double> sums(2, 0);
  for (size_t i = 0; i < full.size(); ++i) {
    sums[static_cast<size_t>(static_cast<int64_t>(i) / channel_stride % 2)] +=
        static_cast<double>(full[i]) - quantized[i];
  }
  for (double& sum : sums) sum /= static_cast<double>(full.size()) / 2;
  return sums;
}

// A model of one layer: without correction its output is off on average, with correction it is not.
void ExpectCorrected(const Graph& graph, const std::string& layer, const Tensor& x,
                     int64_t channel_stride) {
  Quantized quantized = Quantize(graph, x, InputsOnly(Coarse()));
  const std::vector<float> full = ValuesOf(RunGraph(graph, x).at("y"));
  const auto run = [&] {
    const Graph applied =
        ApplyQuantization(graph, quantized.plan, quantized.quantization).value();
    return ValuesOf(RunGraph(applied, x).at("y"));
  };
  const std::vector<double> before = MeanErrors(full, run(), channel_stride);
  ASSERT_OK(MeasureOutputShift(graph, kOpset, quantized.plan.layers, BatchesOf(x, 4), 2,
                               quantized.quantization));
  const std::vector<double>& shift = quantized.quantization.output_shift.at(layer);
  const std::vector<double> after = MeanErrors(full, run(), channel_stride);
  ASSERT_THAT(shift, SizeIs(2));
  for (size_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(shift[c], before[c], 2e-3);  // Up to the code of the bias.
    EXPECT_GT(std::fabs(before[c]), 5e-3);
    EXPECT_LT(std::fabs(after[c]), 2e-3);
  }
}

TEST(CorrectBiasTest, TheMeanOutputOfALayerIsThatOfFullPrecision) {
  const Tensor w = RandomTensor({8, 2}, 1), b = RandomTensor({2}, 2);
  Tensor x = RandomTensor({30, 8}, 3);
  for (int64_t i = 0; i < x.size(); ++i) {
    float& value = x.mutable_data<float>()[i];
    value = value > 0 ? value * value : 0;  // Lopsided, so that clipping moves the mean.
  }
  ExpectCorrected(GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"})}, {{"w", w}, {"b", b}}), "y", x, 1);
  ExpectCorrected(GraphOf({Op("Gemm", {"x", "w"}, {"y"})}, {{"w", w}}), "y", x, 1);
  ExpectCorrected(
      GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"}, {{"beta", 0.5f}})}, {{"w", w}, {"b", b}}), "y", x,
      1);
  ExpectCorrected(GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"m", "b"}, {"y"})},
                          {{"w", w}, {"b", b}}),
                  "m", x, 1);
  const Tensor image = x.Rows(0, 30).Reshaped({30, 2, 2, 2});
  ExpectCorrected(GraphOf({Op("Conv", {"x", "w"}, {"y"}, {{"pads", std::vector<int64_t>(4, 1)}})},
                          {{"w", RandomTensor({2, 2, 3, 3}, 4)}}),
                  "y", image, 4);
}

TEST(CorrectBiasTest, LayersThatCanTakeNoShiftGetNone) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Relu", {"m"}, {"r"}),
                               Op("MatMul", {"m", "r"}, {"n"}), Op("Gemm", {"n", "w"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  const Tensor x = RandomTensor({4, 4}, 2);
  Recipe recipe = MinmaxRecipe();
  recipe.rules = {{.op_type = "Gemm", .exclude = true}};
  Quantized quantized = Quantize(graph, x, recipe);
  // No Add behind the first, two activations in the second, the third is excluded.
  ASSERT_OK(MeasureOutputShift(graph, kOpset, quantized.plan.layers, BatchesOf(x, 4), 1,
                               quantized.quantization));
  EXPECT_THAT(quantized.quantization.output_shift, IsEmpty());
}

TEST(CorrectBiasTest, ThreadsChangeNoBit) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"h"}), Op("Gemm", {"h", "w"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  const Tensor x = RandomTensor({50, 4}, 2);
  Quantized one = Quantize(graph, x, MinmaxRecipe());
  Quantized three = one;
  std::vector<int64_t> done;
  BatchSource rows = BatchesOf(x, 3);
  rows.done = [&](int64_t batches) { done.push_back(batches); };
  ASSERT_OK(MeasureOutputShift(graph, kOpset, one.plan.layers, BatchesOf(x, 3), 1, one.quantization));
  ASSERT_OK(MeasureOutputShift(graph, kOpset, three.plan.layers, rows, 3, three.quantization));
  EXPECT_EQ(one.quantization.output_shift, three.quantization.output_shift);
  EXPECT_THAT(done, SizeIs(17));
  EXPECT_EQ(done.back(), 17);
}

}  // namespace
}  // namespace quantd
