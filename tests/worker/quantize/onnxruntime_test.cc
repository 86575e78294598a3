// What ONNX Runtime makes of our placement: it loads every graph, its outputs agree with the simulation, its codes are ours,
// and its optimizer fuses the pairs into the integer kernels that docs/qdq_placement.md names.
#include <algorithm>
#include <cmath>

#include "tests/worker/quantize/onnxruntime_bench.h"
#include "tests/worker/quantize/quantize_bench.h"
#include "worker/formats/convert_tensor.h"

namespace quantd {
namespace {

using testing::GraphOf;
using testing::InputsOnly;
using testing::MinmaxRecipe;
using testing::OnnxRuntimeRun;
using testing::Op;
using testing::RandomTensor;
using testing::RunInOnnxRuntime;

using Ints = std::vector<int64_t>;

struct RuntimeCase {
  std::string name;
  Graph graph;
  Tensor x;
  // Node types of the optimized graph with their least numbers; 0 means none at all.
  std::map<std::string, int> fused;
  Recipe recipe = MinmaxRecipe();
  int64_t opset = 17;
  std::string level = "all";  // The highest at which the runtime loads it.
};

void PrintTo(const RuntimeCase& one, std::ostream* out) { *out << one.name; }

// Builds a graph node by node; weights are random and scaled so that values stay near 1.
class GraphMaker {
 public:
  std::string Conv(const std::string& x, int64_t in, int64_t out, const Shape& kernel, int64_t group = 1,
                   const std::string& type = "Conv") {
    const bool transposed = type == "ConvTranspose";
    Shape shape = transposed ? Shape{in, out / group} : Shape{out, in / group};
    shape.insert(shape.end(), kernel.begin(), kernel.end());
    Ints pads;
    for (int side = 0; side < 2; ++side) {
      for (const int64_t extent : kernel) pads.push_back(extent / 2);
    }
    const std::string y = Fresh();
    const double fan_in = static_cast<double>(CheckedElementCount(shape).value()) / static_cast<double>(out);
    return Add(Op(type, {x, Weight(shape, 1.5 / std::sqrt(fan_in)), Weight({out}, 0.2)}, {y},
                  {{"pads", pads}, {"group", group}}));
  }
  std::string MatMul(const std::string& x, int64_t in, int64_t out) {
    const std::string y = Add(Op("MatMul", {x, Weight({in, out}, 1.5 / std::sqrt(static_cast<double>(in)))}, {Fresh()}));
    return Add(Op("Add", {y, Weight({out}, 0.2)}, {Fresh()}));
  }
  std::string Gemm(const std::string& x, int64_t in, int64_t out) {
    return Add(Op("Gemm", {x, Weight({out, in}, 1.5 / std::sqrt(static_cast<double>(in))), Weight({out}, 0.2)}, {Fresh()},
                  {{"transB", int64_t{1}}}));
  }
  std::string Apply(const std::string& type, const std::vector<std::string>& inputs,
                    std::map<std::string, AttributeValue> attributes = {}) {
    return Add(Op(type, inputs, {Fresh()}, std::move(attributes)));
  }
  std::string Weight(const Shape& shape, double reach) {
    const std::string name = "w" + std::to_string(initializers_.size());
    initializers_[name] = RandomTensor(shape, initializers_.size() + 1, reach);
    return name;
  }
  std::string Constant(Tensor value) {
    const std::string name = "c" + std::to_string(initializers_.size());
    initializers_[name] = std::move(value);
    return name;
  }
  std::string Number(float value) { return Constant(Tensor::Scalar<float>(value)); }
  std::string Shaped(const Ints& extents) {
    return Constant(Tensor::Of<int64_t>({static_cast<int64_t>(extents.size())}, extents));
  }
  Graph Finish(const std::vector<std::string>& outputs, const Tensor& x) {
    Graph graph = GraphOf(std::move(nodes_), std::move(initializers_));
    graph.inputs = {{.name = "x", .dtype = x.dtype(), .has_shape = true}};
    for (size_t axis = 0; axis < x.rank(); ++axis) {
      graph.inputs[0].shape.push_back(axis == 0 ? Dimension{.extent = -1, .symbol = "N"} : Dimension{.extent = x.dim(axis)});
    }
    graph.outputs.clear();
    for (const std::string& output : outputs) graph.outputs.push_back({.name = output, .dtype = DataType::kFloat});
    return graph;
  }

 private:
  std::string Fresh() { return "t" + std::to_string(++count_); }
  std::string Add(Node node) {
    nodes_.push_back(std::move(node));
    return nodes_.back().outputs[0];
  }

  int count_ = 0;
  std::vector<Node> nodes_;
  std::map<std::string, Tensor> initializers_;
};

Graph ResidualNetwork(const Tensor& x) {
  GraphMaker g;
  const std::string stem = g.Apply("Relu", {g.Conv("x", 3, 8, {3, 3})});
  const std::string inner = g.Apply("Relu", {g.Conv(stem, 8, 8, {3, 3})});
  const std::string sum = g.Apply("Relu", {g.Apply("Add", {g.Conv(inner, 8, 8, {3, 3}), stem})});
  const std::string pooled = g.Apply("MaxPool", {sum}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const std::string last = g.Apply("Relu", {g.Conv(pooled, 8, 8, {1, 1})});
  return g.Finish({g.Gemm(g.Apply("Flatten", {g.Apply("GlobalAveragePool", {last})}), 8, 5)}, x);
}

Graph DepthwiseChain(const Tensor& x) {
  GraphMaker g;
  const auto clip = [&](const std::string& t) { return g.Apply("Clip", {t, g.Number(0), g.Number(6)}); };
  std::string t = clip(g.Conv("x", 3, 8, {3, 3}));
  for (int i = 0; i < 2; ++i) t = clip(g.Conv(clip(g.Conv(t, 8, 8, {3, 3}, 8)), 8, 8, {1, 1}));
  return g.Finish({g.Gemm(g.Apply("Flatten", {g.Apply("GlobalAveragePool", {t})}), 8, 5)}, x);
}

Graph SqueezeExcite(const Tensor& x) {
  GraphMaker g;
  const auto silu = [&](const std::string& t) { return g.Apply("Mul", {t, g.Apply("Sigmoid", {t})}); };
  const std::string a = silu(g.Conv("x", 3, 8, {3, 3}));
  const std::string squeezed = g.Conv(g.Apply("GlobalAveragePool", {a}), 8, 8, {1, 1});
  const std::string b = g.Apply("Mul", {a, g.Apply("Sigmoid", {squeezed})});
  return g.Finish({g.Gemm(g.Apply("Flatten", {g.Apply("GlobalAveragePool", {g.Conv(b, 8, 8, {1, 1})})}), 8, 5)}, x);
}

// A pyramid of two levels, each with a head for classes and one for boxes.
Graph Detector(const Tensor& x) {
  GraphMaker g;
  const std::string fine = g.Apply("Relu", {g.Conv("x", 3, 8, {3, 3})});
  const std::string coarse = g.Apply(
      "Relu", {g.Conv(g.Apply("MaxPool", {fine}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}}), 8, 8, {3, 3})});
  const std::string scales = g.Constant(Tensor::Of<float>({4}, {1, 1, 2, 2}));
  const std::string up = g.Apply("Resize", {coarse, "", scales},
                                 {{"mode", std::string("nearest")}, {"nearest_mode", std::string("floor")},
                                  {"coordinate_transformation_mode", std::string("asymmetric")}});
  const std::string both = g.Apply("Concat", {up, fine}, {{"axis", int64_t{1}}});
  const std::string neck = g.Apply("LeakyRelu", {g.Conv(both, 16, 8, {3, 3})}, {{"alpha", 0.1f}});
  return g.Finish({g.Apply("Sigmoid", {g.Conv(neck, 8, 4, {1, 1})}), g.Conv(neck, 8, 4, {1, 1})}, x);
}

constexpr int64_t kTokens = 6, kWidth = 16, kHeads = 2;

// One block of an encoder: attention and a GELU in parts, each behind a LayerNorm, with residual sums.
std::string EncoderBlock(GraphMaker& g, const std::string& x) {
  const auto norm = [&](const std::string& t) {
    return g.Apply("LayerNormalization", {t, g.Constant(RandomTensor({kWidth}, 90, 1)), g.Weight({kWidth}, 0.1)});
  };
  const std::string h = norm(x);
  const auto heads = [&](const std::string& t, const Ints& perm) {
    const std::string split = g.Apply("Reshape", {t, g.Shaped({0, kTokens, kHeads, kWidth / kHeads})});
    return g.Apply("Transpose", {split}, {{"perm", perm}});
  };
  const std::string q = heads(g.MatMul(h, kWidth, kWidth), {0, 2, 1, 3});
  const std::string k = heads(g.MatMul(h, kWidth, kWidth), {0, 2, 3, 1});
  const std::string v = heads(g.MatMul(h, kWidth, kWidth), {0, 2, 1, 3});
  const std::string scores = g.Apply("Div", {g.Apply("MatMul", {q, k}), g.Number(std::sqrt(8.0f))});
  const std::string mixed = g.Apply("MatMul", {g.Apply("Softmax", {scores}, {{"axis", int64_t{-1}}}), v});
  const std::string joined = g.Apply("Reshape", {g.Apply("Transpose", {mixed}, {{"perm", Ints{0, 2, 1, 3}}}),
                                                 g.Shaped({0, kTokens, kWidth})});
  const std::string after = g.Apply("Add", {g.MatMul(joined, kWidth, kWidth), x});
  const std::string wide = g.MatMul(norm(after), kWidth, 2 * kWidth);
  const std::string erf = g.Apply("Erf", {g.Apply("Div", {wide, g.Number(std::sqrt(2.0f))})});
  const std::string gelu = g.Apply(
      "Mul", {g.Apply("Mul", {wide, g.Apply("Add", {erf, g.Number(1)})}), g.Number(0.5f)});
  return g.Apply("Add", {g.MatMul(gelu, 2 * kWidth, kWidth), after});
}

Graph Encoder(const Tensor& x) {
  GraphMaker g;
  return g.Finish({EncoderBlock(g, EncoderBlock(g, "x"))}, x);
}

Graph EmbeddingEncoder(const Tensor& ids) {
  GraphMaker g;
  const std::string words = g.Apply("Gather", {g.Weight({40, kWidth}, 1), "x"});
  return g.Finish({EncoderBlock(g, words)}, ids);
}

Graph OneConv(const Tensor& x, const Shape& kernel) {
  GraphMaker g;
  return g.Finish({g.Conv(g.Apply("Relu", {g.Conv("x", 3, 6, kernel)}), 6, 4, kernel, 2)}, x);
}

Graph Upsampler(const Tensor& x) {
  GraphMaker g;
  const std::string a = g.Apply("Relu", {g.Conv("x", 3, 6, {3, 3})});
  return g.Finish({g.Conv(g.Apply("Relu", {g.Conv(a, 6, 6, {3, 3}, 3, "ConvTranspose")}), 6, 2, {1, 1})}, x);
}

Graph WeightsOnTheLeftAndInBatches(const Tensor& x) {
  GraphMaker g;
  const std::string left = g.Apply("MatMul", {g.Weight({5, kTokens}, 0.5), "x"});
  return g.Finish({g.Apply("MatMul", {left, g.Weight({1, kWidth, 4}, 0.5)})}, x);
}

// Both directions of an LSTM over the tokens, then a GRU, then a layer that reads the last state.
Graph Recurrent(const Tensor& x) {
  GraphMaker g;
  constexpr int64_t kHidden = 8;
  const std::string steps = g.Apply("Transpose", {"x"}, {{"perm", Ints{1, 0, 2}}});
  const std::string both = g.Apply(
      "LSTM", {steps, g.Weight({2, 4 * kHidden, kWidth}, 0.4), g.Weight({2, 4 * kHidden, kHidden}, 0.4),
               g.Weight({2, 8 * kHidden}, 0.2)},
      {{"hidden_size", kHidden}, {"direction", std::string("bidirectional")}});
  const std::string joined = g.Apply("Reshape", {g.Apply("Transpose", {both}, {{"perm", Ints{0, 2, 1, 3}}}),
                                                 g.Shaped({kTokens, -1, 2 * kHidden})});
  const std::string states = g.Apply("GRU", {joined, g.Weight({1, 3 * kHidden, 2 * kHidden}, 0.4),
                                             g.Weight({1, 3 * kHidden, kHidden}, 0.4)},
                                     {{"hidden_size", kHidden}});
  const std::string last = g.Apply("Gather", {states, g.Constant(Tensor::Scalar<int64_t>(kTokens - 1))});
  return g.Finish({g.Gemm(g.Apply("Squeeze", {last, g.Shaped({0})}), kHidden, 5)}, x);
}

// A layer in front of a branch, and one in either branch: one with a weight of its own, one with a captured one.
Graph Branches(const Tensor& x) {
  GraphMaker g;
  const std::string h = g.Apply("Relu", {g.MatMul("x", kWidth, kWidth)});
  const std::string captured = g.Weight({kWidth, 4}, 0.5);
  const auto body = [&](const std::string& weight, const std::string& output) {
    auto graph = std::make_shared<Graph>();
    graph->name = output;
    graph->nodes = {Op("MatMul", {h, weight}, {output})};
    if (weight != captured) graph->initializers[weight] = RandomTensor({kWidth, 4}, 77, 0.5);
    graph->outputs = {{.name = output, .dtype = DataType::kFloat}};
    return std::shared_ptr<const Graph>(std::move(graph));
  };
  const std::string top = g.Apply("ReduceMax", {h}, {{"keepdims", int64_t{0}}});
  const std::string y = g.Apply("If", {g.Apply("Greater", {top, g.Number(0)})},
                                {{"then_branch", body("inner", "then_result")}, {"else_branch", body(captured, "else_result")}});
  return g.Finish({y}, x);
}

Tensor Ids() {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 8 * kTokens; ++i) ids.push_back(i * 7 % 40);
  return Tensor::Of<int64_t>({8, kTokens}, ids);
}

Recipe WithActivations(const char* format) {
  Recipe recipe = MinmaxRecipe();
  recipe.activation.format = {format};
  return recipe;
}

Recipe PerTensor(Recipe recipe) {
  recipe.weight.granularity = {"per_tensor"};
  return recipe;
}

Recipe Mixed() {
  Recipe recipe = MinmaxRecipe();
  recipe.rules = {{.op_type = "Gemm", .activation = {.format = {"int8_asym"}}},
                  {.op_type = "Conv", .weight = {.format = {"int8_sym", {{"reduce_range", true}}}}},
                  {.op_type = "GlobalAveragePool", .exclude = true}};
  return recipe;
}

Recipe Float8(const char* format) {
  Recipe recipe = WithActivations(format);
  recipe.weight.format = {format};
  return recipe;
}

std::vector<RuntimeCase> Cases() {
  const Tensor image = RandomTensor({8, 3, 8, 8}, 1, 2), tokens = RandomTensor({8, kTokens, kWidth}, 2, 2);
  const Tensor line = RandomTensor({8, 3, 9}, 3, 2), volume = RandomTensor({4, 3, 5, 5, 5}, 4, 2);
  const std::map<std::string, int> convolutions = {{"QLinearConv", 4}, {"Conv", 0}, {"FusedConv", 0}, {"Relu", 0}};
  std::map<std::string, int> residual = convolutions;
  residual.insert({{"QLinearAdd", 1}, {"QLinearGlobalAveragePool", 1}, {"QGemm", 1}});
  return {
      {"ResidualNetwork", ResidualNetwork(image), image, residual},
      {"ResidualNetworkInputsOnly", ResidualNetwork(image), image, {{"QLinearAdd", 0}}, InputsOnly(MinmaxRecipe())},
      {"ResidualNetworkMixed", ResidualNetwork(image), image, {{"QLinearConv", 3}, {"QLinearAdd", 1}}, Mixed()},
      {"ResidualNetworkInt8", ResidualNetwork(image), image, {{"QLinearConv", 2}}, WithActivations("int8_asym")},
      {"ResidualNetworkInt8Symmetric", ResidualNetwork(image), image, {}, WithActivations("int8_sym")},
      {"ResidualNetworkUint16", ResidualNetwork(image), image, {}, WithActivations("uint16_asym"), 21},
      {"ResidualNetworkInt16", ResidualNetwork(image), image, {}, WithActivations("int16_sym"), 21},
      {"ResidualNetworkE4M3", ResidualNetwork(image), image, {}, Float8("float8e4m3fn"), 21, "basic"},
      {"InputsOnlyE4M3", ResidualNetwork(image), image, {}, InputsOnly(Float8("float8e4m3fn")), 21, "basic"},
      {"EncoderE4M3", Encoder(tokens), tokens, {}, Float8("float8e4m3fn"), 21, "basic"},
      {"ResidualNetworkE5M2", ResidualNetwork(image), image, {}, Float8("float8e5m2"), 21, "basic"},
      {"DepthwiseChain", DepthwiseChain(image), image,
       {{"QLinearConv", 5}, {"Clip", 0}, {"QLinearGlobalAveragePool", 1}, {"QGemm", 1}}},
      {"SqueezeExcite", SqueezeExcite(image), image,
       {{"QLinearConv", 3}, {"QLinearSigmoid", 2}, {"QLinearMul", 2}, {"QLinearGlobalAveragePool", 2}}},
      {"Detector", Detector(image), image,
       {{"QLinearConv", 3}, {"QLinearConcat", 1}, {"QLinearLeakyRelu", 1}, {"MaxPool", 1}, {"Resize", 1}, {"Conv", 1}, {"FusedConv", 1}}},
      {"Encoder", Encoder(tokens), tokens, {{"MatMulIntegerToFloat", 12}, {"MatMul", 0}, {"Gemm", 0}}},
      {"EncoderInt16", Encoder(tokens), tokens, {}, WithActivations("uint16_asym"), 21},
      {"EmbeddingEncoder", EmbeddingEncoder(Ids()), Ids(), {{"Gather", 2}, {"MatMulIntegerToFloat", 6}}},
      {"EmbeddingEncoderPerTensor", EmbeddingEncoder(Ids()), Ids(), {{"Gather", 1}, {"MatMulIntegerToFloat", 6}},
       PerTensor(MinmaxRecipe())},
      {"ConvOverALine", OneConv(line, {3}), line, {{"QLinearConv", 1}}},
      {"ConvOverAVolume", OneConv(volume, {3, 3, 3}), volume, {{"QLinearConv", 1}}},
      {"Upsampler", Upsampler(image), image, {{"ConvTranspose", 1}, {"QLinearConv", 1}}},
      {"Recurrent", Recurrent(tokens), tokens, {{"LSTM", 1}, {"GRU", 1}, {"QGemm", 1}}},
      {"Branches", Branches(tokens), tokens, {{"MatMulIntegerToFloat", 1}}},
      {"WeightsOnTheLeftAndInBatches", WeightsOnTheLeftAndInBatches(tokens), tokens, {}},
  };
}

class OnnxRuntimeTest : public ::testing::TestWithParam<RuntimeCase> {
 protected:
  void SetUp() override {
    const std::string why = testing::WhyNoOnnxRuntime();
    if (!why.empty()) GTEST_SKIP() << why;
    const RuntimeCase& one = GetParam();
    ASSERT_OK_AND_ASSIGN(const QuantizationPlan plan, PlanQuantization(one.graph, one.recipe));
    ASSERT_OK_AND_ASSIGN(
        const auto statistics,
        CalibrateTensors(one.graph, one.opset, TensorsToObserve(plan), testing::BatchesOf(one.x, 4), 1));
    ASSERT_OK_AND_ASSIGN(const Quantization quantization, ChooseCodes(one.graph, plan, statistics, 1));
    ASSERT_OK_AND_ASSIGN(quantized_, ApplyQuantization(one.graph, plan, quantization));
    full_ = Run(one.graph);
  }

  TensorMap Run(const Graph& graph) const {
    return CompileGraph(graph, GetParam().opset, CpuBackend()).value()->Run({{"x", GetParam().x}}).value();
  }

  // Every output within `share` of its range.
  void ExpectClose(const TensorMap& ours, const OnnxRuntimeRun& theirs, double share) const {
    for (const ValueInfo& output : GetParam().graph.outputs) {
      const Tensor& expected = ours.at(output.name);
      const std::vector<double>& values = theirs.outputs.at(output.name);
      ASSERT_EQ(static_cast<int64_t>(values.size()), expected.size());
      const auto [low, high] = std::minmax_element(expected.data<float>(), expected.data<float>() + expected.size());
      double worst = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        worst = std::max(worst, std::fabs(values[i] - double{expected.data<float>()[i]}));
      }
      EXPECT_LE(worst, share * (*high - *low)) << output.name;
    }
  }

  Graph quantized_;
  TensorMap full_;
};

// ONNX Runtime adds float32 products in another order, so that now and then a value at the border of two codes gets
// the other one: outputs are then off by that code's share. Codes and scales that are stored are the file's own.
TEST_P(OnnxRuntimeTest, ComputesWhatTheSimulationComputes) {
  const TensorMap ours = Run(quantized_);
  ASSERT_OK_AND_ASSIGN(const OnnxRuntimeRun plain,
                       RunInOnnxRuntime(quantized_, GetParam().opset, {{"x", GetParam().x}}, "disabled"));
  ExpectClose(ours, plain, 2e-3);
  // Integer kernels round what they pass on once, where the graph computes in float between codes.
  ASSERT_OK_AND_ASSIGN(const OnnxRuntimeRun fused,
                       RunInOnnxRuntime(quantized_, GetParam().opset, {{"x", GetParam().x}}, GetParam().level));
  ExpectClose(ours, fused, 2e-2);
}

TEST_P(OnnxRuntimeTest, ItsOptimizerFindsThePairsWhereItWantsThem) {
  if (GetParam().fused.empty()) GTEST_SKIP() << "nothing of this is fused";
  ASSERT_OK_AND_ASSIGN(const OnnxRuntimeRun fused,
                       RunInOnnxRuntime(quantized_, GetParam().opset, {{"x", GetParam().x}}, "extended"));
  for (const auto& [type, least] : GetParam().fused) {
    const auto it = fused.op_types.find(type);
    const int count = it == fused.op_types.end() ? 0 : it->second;
    if (least == 0) {
      EXPECT_EQ(count, 0) << type;
    } else {
      EXPECT_GE(count, least) << type;
    }
  }
}

// Quantization is good for something only if it stays near full precision; a misplaced pair or a wrong scale does not.
TEST_P(OnnxRuntimeTest, StaysNearFullPrecision) {
  const TensorMap ours = Run(quantized_);
  for (const auto& [name, full] : full_) {
    double error = 0, energy = 0;
    for (int64_t i = 0; i < full.size(); ++i) {
      const double difference = double{full.data<float>()[i]} - ours.at(name).data<float>()[i];
      error += difference * difference;
      energy += double{full.data<float>()[i]} * full.data<float>()[i];
    }
    EXPECT_LT(error, 0.02 * energy) << name;  // Better than 17 dB.
    EXPECT_GT(error, 0) << name;
  }
}

// Every code that the graph makes at run time, where ONNX Runtime runs it as written.
TEST_P(OnnxRuntimeTest, MakesTheSameCodes) {
  Graph exposed = quantized_;
  std::vector<std::string> names;
  for (const Node& node : quantized_.nodes) {
    if (!node.Is("QuantizeLinear")) continue;
    const DataType type = exposed.initializers.at(node.inputs[2]).dtype();
    if (FindMinifloat(type) != nullptr) continue;  // Node has no array of these.
    exposed.outputs.push_back({.name = node.outputs[0], .dtype = type});
    names.push_back(node.outputs[0]);
  }
  const TensorMap ours = Run(exposed);
  ASSERT_OK_AND_ASSIGN(const OnnxRuntimeRun theirs,
                       RunInOnnxRuntime(exposed, GetParam().opset, {{"x", GetParam().x}}, "disabled"));
  for (const std::string& name : names) {
    const std::vector<double>& codes = theirs.outputs.at(name);
    const Tensor values = ToFloat32(ours.at(name)).value();
    ASSERT_EQ(static_cast<int64_t>(codes.size()), values.size());
    int64_t differ = 0;
    double most = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      const double gap = std::fabs(codes[i] - double{values.data<float>()[i]});
      differ += gap > 0;
      most = std::max(most, gap);
    }
    // What comes straight from the input is exact. Sums are added in another order, which moves values at the border of
    // two codes, and the more layers lie in front, the more values; of 16 bits there are 256 times as many borders.
    const bool wide = BitsOf(ours.at(name).dtype()) > 8;
    EXPECT_TRUE(name != "x_quantized" || differ == 0) << differ;
    EXPECT_LE(most, wide ? 40 : 1) << name;
    EXPECT_TRUE(wide || static_cast<double>(differ) <= 0.05 * static_cast<double>(codes.size()))
        << name << ' ' << differ;
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, OnnxRuntimeTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace quantd
