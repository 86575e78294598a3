#include "worker/quantize/choose_codes.h"

#include <limits>

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using testing::CodesOf;
using ::testing::ElementsAre;
using testing::GraphOf;
using testing::HasReason;
using testing::MinmaxRecipe;
using testing::NamesField;
using testing::Op;
using testing::Quantize;
using testing::Quantized;
using testing::RandomTensor;
using testing::ValuesOf;

// Each channel by itself: scale = largest magnitude / 127, code = nearest(w / scale).
void ExpectPerChannel(const CodedTensor& coded, const Tensor& weight, size_t axis) {
  const int64_t channels = weight.dim(axis);
  int64_t inner = 1;
  for (size_t i = axis + 1; i < weight.rank(); ++i) inner *= weight.dim(i);
  ASSERT_EQ(coded.code.scale.shape(), Shape{channels});
  ASSERT_EQ(coded.codes.shape(), weight.shape());
  EXPECT_EQ(coded.axis, static_cast<int>(axis));
  std::vector<float> reach(static_cast<size_t>(channels), 0);
  const auto channel_of = [&](int64_t i) { return static_cast<size_t>(i / inner % channels); };
  for (int64_t i = 0; i < weight.size(); ++i) {
    float& most = reach[channel_of(i)];
    most = std::max(most, std::fabs(weight.data<float>()[i]));
  }
  const std::vector<int64_t> codes = CodesOf(coded.codes);
  for (int64_t i = 0; i < weight.size(); ++i) {
    const double scale = double{reach[channel_of(i)]} / 127;
    EXPECT_FLOAT_EQ(coded.code.scale.data<float>()[channel_of(i)], static_cast<float>(scale));
    EXPECT_NEAR(static_cast<double>(codes[static_cast<size_t>(i)]) * scale, weight.data<float>()[i],
                scale * 0.5001);
  }
  for (const int64_t zero : CodesOf(coded.code.zero_point)) EXPECT_EQ(zero, 0);
}

TEST(ChooseCodesTest, EveryChannelOfAWeightHasItsOwnScale) {
  const Tensor conv = RandomTensor({6, 2, 3, 3}, 1);
  ExpectPerChannel(Quantize(GraphOf({Op("Conv", {"x", "w"}, {"y"})}, {{"w", conv}}),
                            RandomTensor({5, 2, 4, 4}, 2), MinmaxRecipe())
                       .quantization.weights.at({"y", 1}),
                   conv, 0);
  const Tensor matrix = RandomTensor({4, 7}, 3);
  const Tensor rows = RandomTensor({9, 4}, 4);
  ExpectPerChannel(
      Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", matrix}}), rows, MinmaxRecipe())
          .quantization.weights.at({"y", 1}),
      matrix, 1);
  ExpectPerChannel(
      Quantize(GraphOf({Op("Gemm", {"x", "w"}, {"y"})}, {{"w", matrix}}), rows, MinmaxRecipe())
          .quantization.weights.at({"y", 1}),
      matrix, 1);
  const Tensor transposed = RandomTensor({7, 4}, 5);
  ExpectPerChannel(Quantize(GraphOf({Op("Gemm", {"x", "w"}, {"y"}, {{"transB", int64_t{1}}})},
                                    {{"w", transposed}}),
                            rows, MinmaxRecipe())
                       .quantization.weights.at({"y", 1}),
                   transposed, 0);
}

TEST(ChooseCodesTest, OneScaleForTheTensorCoversAllChannels) {
  Recipe recipe = MinmaxRecipe();
  recipe.weight.granularity = {"per_tensor"};
  const Tensor weight = Tensor::Of<float>({2, 2}, {0.5f, -2.54f, 0.01f, 1});
  const CodedTensor coded = Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", weight}}),
                                     RandomTensor({3, 2}, 1), recipe)
                                .quantization.weights.at({"y", 1});
  EXPECT_EQ(coded.code.scale.rank(), 0u);
  EXPECT_FLOAT_EQ(*coded.code.scale.data<float>(), 0.02f);  // 2.54 / 127
  EXPECT_THAT(CodesOf(coded.codes), ElementsAre(25, -127, 0, 50));
}

TEST(ChooseCodesTest, AnActivationCoversWhatWasSeen) {
  // [-1, 2] on 0..255: scale 3 / 255, zero point 85.
  const Tensor x = Tensor::Of<float>({2, 2}, {-1, 0.5f, 2, 1});
  const ActivationDecision decision =
      Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", RandomTensor({2, 2}, 1)}}), x,
               MinmaxRecipe())
          .quantization.activations.at("x");
  EXPECT_FLOAT_EQ(static_cast<float>(decision.scale), 3.0f / 255);
  EXPECT_EQ(decision.zero_point, 85);
  EXPECT_THAT(ValuesOf(decision.code.scale), ElementsAre(static_cast<float>(decision.scale)));
  EXPECT_THAT(CodesOf(decision.code.zero_point), ElementsAre(85));
  EXPECT_EQ(decision.code.zero_point.dtype(), DataType::kUint8);
  EXPECT_NEAR(decision.clip_lower, -1, 1e-6);
  EXPECT_NEAR(decision.clip_upper, 2, 1e-6);
}

TEST(ChooseCodesTest, ProbabilitiesReachFromZeroToOne) {
  const Graph graph = GraphOf({Op("Softmax", {"x"}, {"p"}), Op("MatMul", {"p", "w"}, {"y"})},
                              {{"w", RandomTensor({8, 2}, 1)}});
  // Eight nearly equal inputs: no probability above 0.2 was seen.
  const Quantized quantized = Quantize(graph, RandomTensor({4, 8}, 2, 0.1), MinmaxRecipe());
  EXPECT_NEAR(quantized.quantization.activations.at("p").clip_upper, 1, 1e-6);
  EXPECT_EQ(quantized.quantization.activations.at("p").zero_point, 0);
}

TEST(ChooseCodesTest, ExcludedLayersGetNoCode) {
  const Graph graph = GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("MatMul", {"m", "w"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  Recipe recipe = MinmaxRecipe();
  recipe.rules = {{.node_name = "m", .exclude = true}};
  const Quantized quantized = Quantize(graph, RandomTensor({4, 4}, 2), recipe);
  EXPECT_EQ(quantized.quantization.weights.size(), 1u);
  EXPECT_EQ(quantized.quantization.activations.count("x"), 0u);
  EXPECT_EQ(quantized.quantization.activations.count("m"), 1u);
}

TEST(ChooseCodesTest, AChannelOfZerosHasAScale) {
  const Tensor weight = Tensor::Of<float>({2, 2}, {0, 1, 0, -1});
  const CodedTensor coded = Quantize(GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", weight}}),
                                     RandomTensor({3, 2}, 1), MinmaxRecipe())
                                .quantization.weights.at({"y", 1});
  EXPECT_GT(coded.code.scale.data<float>()[0], 0);
  EXPECT_THAT(CodesOf(coded.codes), ElementsAre(0, 127, 0, -127));
}

TEST(ChooseCodesTest, ABiasFitsThe32BitsOfAnIntegerSum) {
  // Weights of 1e-12 alone would give the bias of 1 a code of about 1e14.
  const Graph graph = GraphOf(
      {Op("Gemm", {"x", "w", "b"}, {"y"})},
      {{"w", Tensor::Of<float>({1, 2}, {1e-12f, 1})}, {"b", Tensor::Of<float>({2}, {1, 1})}});
  const Quantized quantized = Quantize(graph, RandomTensor({3, 1}, 1), MinmaxRecipe());
  const double activation = quantized.quantization.activations.at("x").scale;
  const std::vector<float> scales = ValuesOf(quantized.quantization.weights.at({"y", 1}).code.scale);
  EXPECT_LT(1 / (activation * scales[0]), std::ldexp(1.0, 30));
  EXPECT_FLOAT_EQ(scales[1], 1.0f / 127);
}

TEST(ChooseCodesTest, AWeightThatIsNotFiniteIsNamed) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const Graph graph =
        GraphOf({Op("MatMul", {"x", "w"}, {"y"})}, {{"w", Tensor::Of<float>({2, 1}, {1, bad})}});
    const QuantizationPlan plan = PlanQuantization(graph, MinmaxRecipe()).value();
    TensorStatistics statistics;
    statistics.Update({1});
    const absl::Status status =
        ChooseCodes(graph, plan, {{"x", statistics}}, 1).status();
    EXPECT_THAT(status, HasReason("NON_FINITE_WEIGHT"));
    EXPECT_THAT(status, NamesField("model.graph.initializer[w]"));
  }
}

TEST(ChooseCodesTest, ThreadsChangeNothing) {
  std::vector<Node> nodes;
  std::map<std::string, Tensor> weights;
  TensorStatistics statistics;
  statistics.Update({-1, 1});
  std::map<std::string, TensorStatistics> observed = {{"x", statistics}};
  for (int i = 0; i < 9; ++i) {
    const std::string name = "w" + std::to_string(i);
    nodes.push_back(Op("MatMul", {"x", name}, {i == 0 ? "y" : "y" + std::to_string(i)}));
    weights[name] = RandomTensor({6, 5}, static_cast<uint64_t>(i));
  }
  const Graph graph = GraphOf(nodes, weights);
  Recipe recipe = MinmaxRecipe();
  recipe.weight.range = {"mse"};
  const QuantizationPlan plan = PlanQuantization(graph, recipe).value();
  const Quantization one = ChooseCodes(graph, plan, observed, 1).value();
  const Quantization four = ChooseCodes(graph, plan, observed, 4).value();
  ASSERT_EQ(one.weights.size(), 9u);
  for (const auto& [node, coded] : one.weights) {
    EXPECT_TRUE(IdenticalTensors(coded.codes, four.weights.at(node).codes));
    EXPECT_TRUE(IdenticalTensors(coded.code.scale, four.weights.at(node).code.scale));
  }
}

}  // namespace
}  // namespace quantd
