// Activations that get their codes at run time.
#include <cmath>

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using namespace ::quantd::testing;  // NOLINT: builders.
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Recipe DynamicRecipe(const std::string& weight_format = "uint8_sym", const std::string& granularity = "per_channel") {
  return {.weight = {{weight_format}, {granularity}, {"minmax"}, {"nearest"}},
          .activation = {{"uint8_asym"}, {"per_tensor"}, {"dynamic"}, {"nearest"}}};
}

Graph Dynamic(const Graph& graph, const Tensor& x, const Recipe& recipe) {
  const Quantized quantized = Quantize(graph, x, recipe);
  EXPECT_THAT(TensorsToObserve(quantized.plan), IsEmpty());
  return ApplyQuantization(graph, quantized.plan, quantized.quantization).value();
}

// y = x W by the definition: codes of x over its own range, codes of W over each column's.
std::vector<double> Expected(const Tensor& x, const Tensor& w, bool transposed) {
  const int64_t m = x.dim(0), k = x.dim(1), n = w.dim(transposed ? 0 : 1);
  const auto [low, high] = std::minmax_element(x.data<float>(), x.data<float>() + x.size());
  const float scale = (std::max(*high, 0.0f) - std::min(*low, 0.0f)) / 255;
  const int zero = static_cast<int>(std::nearbyint(-std::min(*low, 0.0f) / scale));
  std::vector<double> y;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const auto weight = [&](int64_t p) { return w.data<float>()[transposed ? j * k + p : p * n + j]; };
      double most = 0;
      for (int64_t p = 0; p < k; ++p) most = std::max<double>(most, std::fabs(weight(p)));
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum += RoundTrip(x.data<float>()[i * k + p], scale, zero, 0, 255) * RoundTrip(weight(p), most / 127, 0, -127, 127);
      }
      y.push_back(sum);
    }
  }
  return y;
}

void ExpectValues(const Tensor& y, const std::vector<double>& expected) {
  ASSERT_EQ(static_cast<size_t>(y.size()), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(y.data<float>()[i], expected[i], 1e-5) << i;
}

TEST(IntegerProductsTest, AMatMulBecomesTheFusablePattern) {
  const Tensor w = RandomTensor({12, 5}, 1), x = RandomTensor({4, 12}, 2);
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"m", "b"}, {"y"})},
                              {{"w", w}, {"b", Tensor(DataType::kFloat, {5})}});
  for (const char* format : {"uint8_sym", "int8_sym"}) {
    const Graph dynamic = Dynamic(graph, x, DynamicRecipe(format));
    EXPECT_THAT(Types(dynamic), UnorderedElementsAre("DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul", "Add"));
    ExpectValues(RunGraph(dynamic, x).at("y"), Expected(x, w, false));
  }
}

TEST(IntegerProductsTest, AGemmKeepsItsBiasAndItsTransposition) {
  const Tensor w = RandomTensor({5, 12}, 1), x = RandomTensor({4, 12}, 2), b = RandomTensor({5}, 3);
  const Graph dynamic = Dynamic(GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"}, {{"transB", int64_t{1}}})}, {{"w", w}, {"b", b}}), x,
                                DynamicRecipe());
  std::vector<double> expected = Expected(x, w, true);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += b.data<float>()[i % 5];
  ExpectValues(RunGraph(dynamic, x).at("y"), expected);
}

TEST(IntegerProductsTest, OneTensorGetsItsCodesOnce) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "q"}, {"a"}), Op("MatMul", {"x", "k"}, {"b"}), Op("Add", {"a", "b"}, {"y"})},
                              {{"q", RandomTensor({8, 3}, 1)}, {"k", RandomTensor({8, 3}, 2)}});
  const Graph dynamic = Dynamic(graph, RandomTensor({2, 8}, 3), DynamicRecipe("int8_sym", "per_tensor"));
  int count = 0;
  for (const Node& node : dynamic.nodes) count += node.op_type == "DynamicQuantizeLinear";
  EXPECT_EQ(count, 1);
}

TEST(IntegerProductsTest, OtherLayersStoreTheirWeightsAsCodes) {
  const Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"c"}), Op("Flatten", {"c"}, {"f"}),
                               Op("Gemm", {"f", "v"}, {"y"}, {{"alpha", 2.0f}})},
                              {{"w", RandomTensor({2, 3, 2, 2}, 1)}, {"v", RandomTensor({2, 4}, 2)}});
  const Graph dynamic = Dynamic(graph, RandomTensor({1, 3, 2, 2}, 3), DynamicRecipe());
  EXPECT_THAT(Types(dynamic), UnorderedElementsAre("DequantizeLinear", "Conv", "Flatten", "DequantizeLinear", "Gemm"));
}

}  // namespace
}  // namespace quantd
