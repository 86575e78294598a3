// The optimizer changes no result: graphs run as they are and optimized, on the same random input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/support/models/bert.h"
#include "tests/support/models/vit.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/exec/constant_nodes.h"
#include "worker/exec/optimize_for.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

using ::testing::Contains;
using testing::GraphOf;
using testing::Op;
using testing::Types;

Tensor Noise(Shape shape, uint64_t seed, double low = -2, double high = 2) {
  Tensor tensor(DataType::kFloat, std::move(shape));
  Random random(seed);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>(low + (high - low) * random.Uniform());
  }
  return tensor;
}

TensorMap RunGraph(const Graph& graph, int64_t opset, const TensorMap& feeds, bool optimized) {
  EXPECT_EQ(setenv("QUANTD_OPTIMIZE", optimized ? "1" : "0", 1), 0);
  const auto executor = CompileGraph(graph, opset, CpuBackend());
  EXPECT_EQ(unsetenv("QUANTD_OPTIMIZE"), 0);
  EXPECT_OK(executor.status());
  const auto outputs = (*executor)->Run(feeds);
  EXPECT_OK(outputs.status());
  return outputs.ok() ? *outputs : TensorMap();
}

// Both ways agree within `tolerance` of the largest magnitude; 0 asks for equal bits.
void ExpectEqualBothWays(const Graph& graph, int64_t opset, const TensorMap& feeds, double tolerance) {
  const TensorMap plain = RunGraph(graph, opset, feeds, false), fast = RunGraph(graph, opset, feeds, true);
  ASSERT_EQ(plain.size(), fast.size());
  for (const auto& [name, expected] : plain) {
    const Tensor& actual = fast.at(name);
    ASSERT_EQ(actual.shape(), expected.shape()) << name;
    if (tolerance == 0 || expected.dtype() != DataType::kFloat) {
      EXPECT_TRUE(IdenticalTensors(actual, expected)) << name;
      continue;
    }
    double largest = 0, apart = 0;
    for (int64_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::fabs(double{expected.data<float>()[i]}));
      apart = std::max(apart, std::fabs(double{actual.data<float>()[i]} - expected.data<float>()[i]));
    }
    EXPECT_LE(apart, tolerance * largest) << name;
  }
}

std::vector<std::string> OptimizedTypes(Graph graph, int64_t opset, const std::vector<std::string>& keep = {}) {
  ConstantNodes constants(graph);
  OptimizeFor(CpuBackend(), opset, {.keep = keep}, constants, graph);
  return Types(graph);
}

struct SmallCase {
  std::string name;
  Graph graph;
  Shape input;
  std::string expected;  // An operator of the optimized graph.
  double tolerance;
};

std::vector<SmallCase> SmallCases() {
  const std::map<std::string, AttributeValue> last = {{"axes", std::vector<int64_t>{-1}}, {"keepdims", int64_t{1}}};
  const auto perm = [](const std::string& in, const std::string& out, std::vector<int64_t> axes) {
    return Op("Transpose", {in}, {out}, {{"perm", std::move(axes)}});
  };
  const Tensor heads = Tensor::Of<int64_t>({4}, {0, 0, 3, 5}), back = Tensor::Of<int64_t>({3}, {0, 0, 15});
  return {
      {"matmul", GraphOf({Op("MatMul", {"x", "w"}, {"p"}), Op("Add", {"b", "p"}, {"s"}), Op("Sigmoid", {"s"}, {"g"}),
                          Op("Mul", {"s", "g"}, {"a"}), Op("Add", {"a", "x"}, {"y"})},
                         {{"w", Noise({15, 15}, 1)}, {"b", Noise({15}, 2)}}),
       {2, 7, 15}, "FusedMatMul", 1e-5},
      {"broadcast_residual", GraphOf({Op("ReduceMean", {"x"}, {"r"}, last), Op("MatMul", {"x", "w"}, {"p"}), Op("Add", {"p", "r"}, {"y"})},
                                     {{"w", Noise({15, 4}, 1)}}),
       {2, 7, 15}, "FusedMatMul", 1e-5},
      {"gemm", GraphOf({Op("Gemm", {"x", "w", "b"}, {"p"}, {{"transB", int64_t{1}}}), Op("Tanh", {"p"}, {"y"})},
                       {{"w", Noise({9, 15}, 1)}, {"b", Noise({9}, 2)}}),
       {6, 15}, "FusedMatMul", 1e-5},
      {"layer_norm", GraphOf({Op("ReduceMean", {"x"}, {"m"}, last), Op("Sub", {"x", "m"}, {"d"}), Op("Mul", {"d", "d"}, {"q"}),
                              Op("ReduceMean", {"q"}, {"v"}, last), Op("Add", {"v", "e"}, {"s"}), Op("Sqrt", {"s"}, {"r"}),
                              Op("Div", {"d", "r"}, {"n"}), Op("Mul", {"n", "g"}, {"a"}), Op("Add", {"a", "b"}, {"y"})},
                             {{"e", Tensor::Scalar<float>(1e-5f)}, {"g", Noise({15}, 1)}, {"b", Noise({15}, 2)}}),
       {2, 7, 15}, "LayerNormalization", 1e-5},
      // Gamma is wider than the axis that is normalized: the separate nodes broadcast.
      {"wide_gamma", GraphOf({Op("ReduceMean", {"x"}, {"m"}, last), Op("Sub", {"x", "m"}, {"d"}), Op("Mul", {"d", "d"}, {"q"}),
                              Op("ReduceMean", {"q"}, {"v"}, last), Op("Add", {"v", "e"}, {"s"}), Op("Sqrt", {"s"}, {"r"}),
                              Op("Div", {"d", "r"}, {"n"}), Op("Mul", {"n", "g"}, {"a"}), Op("Add", {"a", "b"}, {"y"})},
                             {{"e", Tensor::Scalar<float>(1e-5f)}, {"g", Noise({4}, 1)}, {"b", Noise({4}, 2)}}),
       {3, 1}, "LayerNormalization", 1e-5},
      {"skip_layer_norm", GraphOf({Op("Cos", {"x"}, {"r"}), Op("Add", {"x", "r"}, {"s"}),
                                   Op("LayerNormalization", {"s", "g"}, {"n"}), Op("Mul", {"n", "s"}, {"y"})},
                                  {{"g", Noise({15}, 1)}}),
       {2, 7, 15}, "LayerNormalization", 1e-5},
      {"gelu", GraphOf({Op("Div", {"x", "c"}, {"d"}), Op("Erf", {"d"}, {"e"}), Op("Add", {"e", "one"}, {"p"}),
                        Op("Mul", {"x", "p"}, {"m"}), Op("Mul", {"m", "half"}, {"y"})},
                       {{"c", Tensor::Scalar<float>(1.41421354f)}, {"one", Tensor::Scalar<float>(1)},
                        {"half", Tensor::Scalar<float>(0.5f)}}),
       {3, 50}, "Activation", 1e-5},
      {"attention", GraphOf({Op("Reshape", {"x", "heads"}, {"h"}), perm("h", "q", {0, 2, 1, 3}), Op("Cos", {"h"}, {"k4"}),
                             perm("k4", "k", {0, 2, 3, 1}), Op("Neg", {"h"}, {"v4"}), perm("v4", "v", {0, 2, 1, 3}),
                             Op("MatMul", {"q", "k"}, {"p"}), Op("Mul", {"p", "scale"}, {"s"}), Op("Add", {"mask", "s"}, {"z"}),
                             Op("Softmax", {"z"}, {"w"}, {{"axis", int64_t{-1}}}), Op("MatMul", {"w", "v"}, {"c"}),
                             perm("c", "t", {0, 2, 1, 3}), Op("Reshape", {"t", "back"}, {"y"})},
                            {{"heads", heads}, {"back", back}, {"scale", Tensor::Scalar<float>(0.4f)}, {"mask", Noise({2, 1, 1, 7}, 5)}}),
       {2, 7, 15}, "Attention", 1e-5},
      // The mask has rows, batches and heads of its own; the one query has one of each.
      {"attention_wide_mask", GraphOf({Op("Reshape", {"x", "heads"}, {"h"}), perm("h", "q", {0, 2, 1, 3}), Op("Add", {"h", "keys"}, {"r"}),
                                       perm("r", "k", {0, 2, 3, 1}), perm("r", "v", {0, 2, 1, 3}), Op("MatMul", {"q", "k"}, {"p"}), Op("Cos", {"wide"}, {"m"}),
                                       Op("Add", {"p", "m"}, {"z"}), Op("Softmax", {"z"}, {"w"}, {{"axis", int64_t{-1}}}),
                                       Op("MatMul", {"w", "v"}, {"c"}), perm("c", "y", {0, 2, 1, 3})},
                                      {{"heads", Tensor::Of<int64_t>({4}, {1, 1, 1, -1})}, {"keys", Noise({1, 6, 1, 5}, 3)},
                                       {"wide", Noise({2, 3, 4, 6}, 4)}}),
       {5}, "Attention", 1e-5},
      {"fake_quantize", GraphOf({Op("QuantizeLinear", {"x", "s", "z"}, {"q"}), Op("DequantizeLinear", {"q", "s", "z"}, {"y"})},
                                {{"s", Tensor::Scalar<float>(0.013f)}, {"z", Tensor::Scalar<int8_t>(-5)}}),
       {999}, "FakeQuantize", 0},
      {"transposes", GraphOf({perm("x", "a", {1, 0, 2}), perm("a", "b", {2, 1, 0}), Op("Reshape", {"b", "s"}, {"c"}),
                              Op("Reshape", {"c", "t"}, {"y"})},
                             {{"s", Tensor::Of<int64_t>({2}, {30, -1})}, {"t", Tensor::Of<int64_t>({2}, {-1, 42})}}),
       {2, 7, 15}, "Transpose", 0},
  };
}

class SmallGraphs : public ::testing::TestWithParam<SmallCase> {};

TEST_P(SmallGraphs, GiveTheSameResult) {
  const SmallCase& small = GetParam();
  EXPECT_THAT(OptimizedTypes(small.graph, 17), Contains(small.expected));
  ExpectEqualBothWays(small.graph, 17, {{"x", Noise(small.input, 9)}}, small.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Optimizer, SmallGraphs, ::testing::ValuesIn(SmallCases()),
                         [](const auto& info) { return info.param.name; });

TEST(OptimizedModels, TheRealModelsGiveTheSameResult) {
  struct Real {
    const char* name;
    Shape input;
  };
  for (const Real& real : std::vector<Real>{{"mnist_cnn", {2, 1, 28, 28}}, {"mobilenet_v1_025_224", {1, 3, 224, 224}},
                                            {"resnet8_cifar10", {2, 3, 32, 32}}, {"vit_fmnist", {2, 1, 28, 28}}}) {
    const Model model = ReadOnnxModel(std::string(QUANTD_TEST_DATA) + "/models/" + real.name + ".onnx", {}).value();
    SCOPED_TRACE(real.name);
    Shape shape = real.input;
    for (size_t i = 0; i < shape.size(); ++i) {
      const int64_t extent = model.graph.inputs[0].shape[i].extent;
      if (extent >= 0) shape[i] = extent;
    }
    ExpectEqualBothWays(model.graph, model.opset(), {{model.graph.inputs[0].name, Noise(shape, 4)}}, 1e-5);
  }
}

std::vector<int64_t> Counts(const std::vector<std::string>& types, const std::vector<std::string>& wanted) {
  std::vector<int64_t> counts;
  for (const std::string& type : wanted) counts.push_back(std::count(types.begin(), types.end(), type));
  return counts;
}

const std::vector<std::string> kCounted = {"Attention", "LayerNormalization", "FusedMatMul", "MatMul",
                                           "Add",       "Erf",                "Softmax",     "Transpose"};

TEST(OptimizedModels, ABertIsNothingButFusedOperators) {
  const Model model = testing::MakeBert({.layers = 2, .hidden = 24, .heads = 3, .intermediate = 48, .vocabulary = 50, .sequence_max = 20});
  // Two layers: an attention and two normalizations each, and the embeddings'; four products of attention and two of the
  // perceptron each, and the pooler. What is left of Add joins embeddings.
  EXPECT_THAT(Counts(OptimizedTypes(model.graph, model.opset()), kCounted), ::testing::ElementsAre(2, 5, 13, 0, 1, 0, 0, 0));
  const Shape shape = {2, 9};
  Tensor ids(DataType::kInt64, shape), mask(DataType::kInt64, shape), types(DataType::kInt64, shape);
  for (int64_t i = 0; i < ids.size(); ++i) {
    ids.mutable_data<int64_t>()[i] = i * 7 % 50;
    mask.mutable_data<int64_t>()[i] = i % 9 < 6;
    types.mutable_data<int64_t>()[i] = i % 2;
  }
  ExpectEqualBothWays(model.graph, model.opset(),
                      {{"input_ids", ids}, {"attention_mask", mask}, {"token_type_ids", types}}, 1e-5);
}

TEST(OptimizedModels, AVitIsNothingButFusedOperators) {
  const Model model = testing::MakeVit({.layers = 2, .hidden = 24, .heads = 3, .intermediate = 48, .image = 32, .patch = 8, .classes = 5});
  const std::vector<int64_t> counts = Counts(OptimizedTypes(model.graph, model.opset()), kCounted);
  EXPECT_EQ(counts[0], 2);
  EXPECT_EQ(counts[1], 5);
  EXPECT_EQ(counts[2], 9);  // qkv, projection and two of the perceptron a layer; the head.
  EXPECT_EQ(counts[3] + counts[5] + counts[6], 0);
  ExpectEqualBothWays(model.graph, model.opset(), {{"input", Noise({2, 3, 32, 32}, 3)}}, 1e-5);
}

TEST(OptimizedModels, EveryTensorCanStillBeObserved) {
  const Model model = testing::MakeBert({.layers = 1, .hidden = 8, .heads = 2, .intermediate = 16, .vocabulary = 50, .sequence_max = 20});
  std::vector<std::string> all;
  for (const Node& node : model.graph.nodes) all.push_back(node.outputs[0]);
  ASSERT_OK_AND_ASSIGN(const auto executor, CompileGraph(model.graph, model.opset(), CpuBackend(), {.keep = all}));
  const Tensor ones = Tensor::Of<int64_t>({1, 3}, {1, 1, 1});
  std::set<std::string> seen;
  ASSERT_OK(executor->RunObserved({{"input_ids", ones}, {"attention_mask", ones}, {"token_type_ids", ones}},
                                  [&](const std::string& name, const Tensor&) { seen.insert(name); })
                .status());
  for (const std::string& name : all) EXPECT_EQ(seen.count(name), 1u) << name;
}

}  // namespace
}  // namespace quantd
