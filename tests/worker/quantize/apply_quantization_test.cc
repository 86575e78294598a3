#include "worker/quantize/apply_quantization.h"

#include "tests/worker/quantize/quantize_bench.h"

namespace quantd {
namespace {

using testing::CodesOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::GraphOf;
using testing::InputsOnly;
using testing::MinmaxRecipe;
using testing::NodeNamed;
using ::testing::Not;
using testing::Op;
using testing::Quantize;
using testing::Quantized;
using testing::RandomTensor;
using testing::RunGraph;
using testing::Types;
using testing::ValuesOf;

Graph GemmGraph() {
  return GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"})},
                 {{"w", RandomTensor({6, 3}, 1)}, {"b", RandomTensor({3}, 2)}});
}

Graph Applied(const Graph& graph, const Quantized& quantized) {
  return ApplyQuantization(graph, quantized.plan, quantized.quantization).value();
}

// What integer hardware computes: y = s_x s_w (sum (q_x - z) q_w + q_b).
TEST(ApplyQuantizationTest, ComputesWhatIntegersWould) {
  const Graph graph = GemmGraph();
  const Tensor x = RandomTensor({9, 6}, 3, 2);
  const Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  const Tensor y = RunGraph(Applied(graph, quantized), x).at("y");

  const ActivationDecision& activation = quantized.quantization.activations.at("x");
  const CodedTensor& weight = quantized.quantization.weights.at({"y", 1});
  const std::vector<int64_t> w = CodesOf(weight.codes);
  for (int64_t row = 0; row < 9; ++row) {
    for (int64_t c = 0; c < 3; ++c) {
      const float s_w = weight.code.scale.data<float>()[c];
      int64_t sum = static_cast<int64_t>(
          std::nearbyint(graph.initializers.at("b").data<float>()[c] / (activation.scale * s_w)));
      for (int64_t k = 0; k < 6; ++k) {
        const double code =
            std::nearbyint(x.data<float>()[row * 6 + k] / static_cast<float>(activation.scale));
        const int64_t q_x = std::min<int64_t>(
            std::max<int64_t>(static_cast<int64_t>(code) + activation.zero_point, 0), 255);
        sum += (q_x - activation.zero_point) * w[static_cast<size_t>(k * 3 + c)];
      }
      EXPECT_NEAR(y.data<float>()[row * 3 + c], static_cast<double>(sum) * activation.scale * s_w,
                  1e-5);
    }
  }
}

TEST(ApplyQuantizationTest, EveryInputOfALayerIsACode) {
  const Graph graph = GemmGraph();
  const Graph applied = Applied(graph, Quantize(graph, RandomTensor({9, 6}, 3), MinmaxRecipe()));
  EXPECT_THAT(Types(applied), ElementsAre("QuantizeLinear", "DequantizeLinear", "DequantizeLinear",
                                          "DequantizeLinear", "Gemm"));
  const GraphIndex index(applied);
  const Node& gemm = NodeNamed(applied, "y");
  const auto codes_of = [&](size_t input) {
    return applied.initializers.at(index.Producer(gemm.inputs[input])->inputs[0]);
  };
  EXPECT_EQ(codes_of(1).dtype(), DataType::kInt8);
  EXPECT_EQ(codes_of(2).dtype(), DataType::kInt32);
  EXPECT_EQ(applied.initializers.count("w"), 0u);
  EXPECT_EQ(applied.initializers.count("b"), 0u);
}

TEST(ApplyQuantizationTest, ExcludedLayersAreUntouched) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"h"}), Op("Gemm", {"h", "w"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  Recipe recipe = MinmaxRecipe();
  recipe.rules = {{.node_name = "h", .exclude = true}};
  const Graph applied = Applied(graph, Quantize(graph, RandomTensor({4, 4}, 2), recipe));
  EXPECT_THAT(NodeNamed(applied, "h").inputs, ElementsAre("x", "w"));
  EXPECT_THAT(NodeNamed(applied, "y").inputs, Not(Contains("w")));
  EXPECT_EQ(applied.initializers.count("w"), 1u);  // The excluded layer reads it still.
}

TEST(ApplyQuantizationTest, TheGraphThatCameInIsNotChanged) {
  const Graph graph = GemmGraph();
  const Tensor x = RandomTensor({9, 6}, 3);
  const std::vector<float> before = ValuesOf(RunGraph(graph, x).at("y"));
  Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  quantized.quantization.output_shift["y"] = {1, 2, 3};
  (void)Applied(graph, quantized);
  EXPECT_EQ(ValuesOf(RunGraph(graph, x).at("y")), before);
}

// Runs `graph` with and without a shift of its layer's two channels; all outputs must move by it.
void ExpectShifted(const Graph& graph, const std::string& layer, const Tensor& x,
                   int64_t channel_stride) {
  Quantized quantized = Quantize(graph, x, InputsOnly(MinmaxRecipe()));
  const std::vector<float> plain = ValuesOf(RunGraph(Applied(graph, quantized), x).at("y"));
  quantized.quantization.output_shift[layer] = {0.25, -0.5};
  const std::vector<float> shifted = ValuesOf(RunGraph(Applied(graph, quantized), x).at("y"));
  ASSERT_EQ(plain.size(), shifted.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    const bool second = static_cast<int64_t>(i) / channel_stride % 2 == 1;
    // A bias is rounded to its code.
    EXPECT_NEAR(shifted[i] - plain[i], second ? -0.5 : 0.25, 1e-4) << i;
  }
}

TEST(ApplyQuantizationTest, AShiftMovesTheOutputByItself) {
  const Tensor w = RandomTensor({4, 2}, 1), b = RandomTensor({2}, 2), x = RandomTensor({5, 4}, 3);
  ExpectShifted(GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"})}, {{"w", w}, {"b", b}}), "y", x, 1);
  ExpectShifted(GraphOf({Op("Gemm", {"x", "w"}, {"y"})}, {{"w", w}}), "y", x, 1);
  ExpectShifted(GraphOf({Op("MatMul", {"x", "w"}, {"m"}), Op("Add", {"m", "b"}, {"y"})},
                        {{"w", w}, {"b", b}}),
                "m", x, 1);
  const Tensor filter = RandomTensor({2, 3, 2, 2}, 4), image = RandomTensor({3, 3, 4, 4}, 5);
  ExpectShifted(GraphOf({Op("Conv", {"x", "w"}, {"y"})}, {{"w", filter}}), "y", image, 9);
  ExpectShifted(GraphOf({Op("Conv", {"x", "w", "b"}, {"y"})}, {{"w", filter}, {"b", b}}), "y",
                image, 9);
}

TEST(ApplyQuantizationTest, AGemmThatScalesItsBiasIsShiftedByTheSame) {
  const Tensor w = RandomTensor({4, 2}, 1), b = RandomTensor({2}, 2), x = RandomTensor({5, 4}, 3);
  for (const float beta : {0.5f, -2.0f}) {
    ExpectShifted(
        GraphOf({Op("Gemm", {"x", "w", "b"}, {"y"}, {{"beta", beta}})}, {{"w", w}, {"b", b}}), "y",
        x, 1);
    ExpectShifted(GraphOf({Op("Gemm", {"x", "w"}, {"y"}, {{"beta", beta}})}, {{"w", w}}), "y", x,
                  1);
  }
}

TEST(ApplyQuantizationTest, ABiasOfTwoLayersIsShiftedForOneOnly) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w", "b"}, {"p"}),
                               Op("Gemm", {"x", "v", "b"}, {"q"}), Op("Sub", {"p", "q"}, {"y"})},
                              {{"w", RandomTensor({4, 2}, 1)},
                               {"v", RandomTensor({4, 2}, 2)},
                               {"b", RandomTensor({2}, 3)}});
  ExpectShifted(graph, "p", RandomTensor({5, 4}, 4), 1);
}

TEST(ApplyQuantizationTest, ABiasThatFitsNoCodeStaysFloat) {
  Graph graph = GemmGraph();
  graph.initializers["b"] = Tensor::Of<float>({3}, {1e6f, 0, 0});
  const Tensor x = RandomTensor({9, 6}, 3);
  Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  // As if nothing had kept the scale up: 1e6 / (1e-9 x 0.008) is above 2^31.
  *quantized.quantization.weights.at({"y", 1}).code.scale.mutable_data<float>() = 1e-9f;
  const Graph applied = Applied(graph, quantized);
  EXPECT_EQ(NodeNamed(applied, "y").inputs[2], "b");
  EXPECT_EQ(applied.initializers.at("b").dtype(), DataType::kFloat);
}

TEST(ApplyQuantizationTest, TwoActivationsAreBothQuantized) {
  const Graph graph = GraphOf({Op("Relu", {"x"}, {"r"}), Op("MatMul", {"x", "r"}, {"y"})});
  const Tensor x = RandomTensor({4, 4}, 1);
  const Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  const Graph applied = Applied(graph, quantized);
  const std::vector<float> y = ValuesOf(RunGraph(applied, x).at("y"));
  const auto fake = [&](const std::string& tensor, double value) {
    const ActivationDecision& code = quantized.quantization.activations.at(tensor);
    return testing::RoundTrip(value, code.scale, code.zero_point, 0, 255);
  };
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 4; ++k) {
        sum += fake("x", x.data<float>()[i * 4 + k]) *
               fake("r", std::max(x.data<float>()[k * 4 + j], 0.0f));
      }
      EXPECT_NEAR(y[static_cast<size_t>(i * 4 + j)], sum, 1e-5);
    }
  }
}

// Choosing and moving codes is choosing and moving numbers: pairs on both sides give the bits of one pair behind.
TEST(ApplyQuantizationTest, CarriedCodesRoundNothingTwice) {
  const Graph graph = GraphOf(
      {Op("Conv", {"x", "w"}, {"a"}), Op("MaxPool", {"a"}, {"p"}, {{"kernel_shape", std::vector<int64_t>{2, 2}}}),
       Op("Transpose", {"p"}, {"t"}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}}), Op("Conv", {"t", "w"}, {"y"})},
      {{"w", RandomTensor({3, 3, 2, 2}, 1)}});
  const Tensor x = RandomTensor({5, 3, 7, 6}, 2);
  const Graph fused = Applied(graph, Quantize(graph, x, MinmaxRecipe()));
  const Graph plain = Applied(graph, Quantize(graph, x, InputsOnly(MinmaxRecipe())));
  EXPECT_GT(fused.nodes.size(), plain.nodes.size());
  EXPECT_EQ(ValuesOf(RunGraph(fused, x).at("y")), ValuesOf(RunGraph(plain, x).at("y")));
}

TEST(ApplyQuantizationTest, AnOutputThatAKernelWritesAsCodesIsTheirValue) {
  Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"a"}), Op("Conv", {"a", "w"}, {"y"})},
                        {{"w", RandomTensor({3, 3, 1, 1}, 1)}});
  graph.outputs.push_back({.name = "a", .dtype = DataType::kFloat});
  const Tensor x = RandomTensor({5, 3, 2, 2}, 2);
  const Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  const std::vector<float> a = ValuesOf(RunGraph(Applied(graph, quantized), x).at("a"));
  const double scale = quantized.quantization.activations.at("a").scale;
  for (const float value : a) EXPECT_NEAR(value / scale, std::nearbyint(value / scale), 1e-3);
}

TEST(ApplyQuantizationTest, AConstantBesideCodesIsStoredAsACode) {
  const Graph graph = GraphOf({Op("Conv", {"x", "w"}, {"a"}), Op("Mul", {"a", "c"}, {"m"}), Op("Conv", {"m", "w"}, {"y"})},
                              {{"w", RandomTensor({3, 3, 1, 1}, 1)}, {"c", Tensor::Scalar<float>(0.75f)}});
  const Graph applied = Applied(graph, Quantize(graph, RandomTensor({5, 3, 2, 2}, 2), MinmaxRecipe()));
  EXPECT_EQ(applied.initializers.count("c"), 0u);
  // [0, 0.75] on 0..255: the constant itself is the highest code.
  EXPECT_THAT(CodesOf(applied.initializers.at("c_quantized")), ElementsAre(255));
  EXPECT_FLOAT_EQ(*applied.initializers.at("c_scale").data<float>(), 0.75f / 255);
}

TEST(QuantizedTwinsTest, EachTwinReadsFullPrecision) {
  const Graph graph = GraphOf({Op("Gemm", {"x", "w"}, {"h"}), Op("Gemm", {"h", "w"}, {"y"})},
                              {{"w", RandomTensor({4, 4}, 1)}});
  const Tensor x = RandomTensor({6, 4}, 2);
  const Quantized quantized = Quantize(graph, x, MinmaxRecipe());
  ASSERT_OK_AND_ASSIGN(const Graph twins,
                       AddQuantizedTwins(graph, quantized.plan.layers, quantized.quantization));
  const std::string twin = TwinOutput(quantized.plan.layers[1]);
  const TensorMap both = RunGraph(twins, x, {"h", "y", twin});
  EXPECT_EQ(ValuesOf(both.at("y")), ValuesOf(RunGraph(graph, x).at("y")));

  // The second layer alone, fed with the first one's full-precision output.
  const Graph second = GraphOf({Op("Gemm", {"x", "w"}, {"y"})}, graph.initializers);
  Quantized alone;
  alone.plan = PlanQuantization(second, MinmaxRecipe()).value();
  alone.quantization.activations["x"] = quantized.quantization.activations.at("h");
  alone.quantization.weights[{"y", 1}] = quantized.quantization.weights.at({"y", 1});
  EXPECT_EQ(ValuesOf(both.at(twin)),
            ValuesOf(RunGraph(Applied(second, alone), both.at("h")).at("y")));
}

}  // namespace
}  // namespace quantd
