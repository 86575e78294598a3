// Shape inference against the executor: whatever it says about a tensor of a model is what the tensor turns out to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/support/models/bert.h"
#include "tests/support/models/vit.h"
#include "tests/support/status_matchers.h"
#include "worker/backend/backend.h"
#include "worker/exec/executor.h"
#include "worker/exec/constant_nodes.h"
#include "worker/exec/optimize_for.h"
#include "worker/graph/shapes.h"
#include "worker/io/onnx/reader.h"

namespace quantd {
namespace {

// Checks facts against tensors and counts what they say; a symbol must stand for one extent throughout.
class Checker {
 public:
  explicit Checker(const ShapeFacts& facts) : facts_(facts) {}

  void Check(const std::string& name, const Tensor& tensor) {
    const auto it = facts_.find(name);
    ASSERT_NE(it, facts_.end()) << name;
    const TensorFacts& facts = it->second;
    ++tensors_;
    if (facts.dtype != DataType::kUndefined) {
      EXPECT_EQ(facts.dtype, tensor.dtype()) << name;
    }
    if (facts.has_shape) {
      ++shapes_;
      ASSERT_EQ(facts.shape.size(), tensor.rank()) << name;
      for (size_t i = 0; i < tensor.rank(); ++i) {
        const Dimension& dimension = facts.shape[i];
        EXPECT_EQ(dimension.extent < 0 ? Bound(dimension.symbol, tensor.dim(i)) : dimension.extent, tensor.dim(i))
            << name << " axis " << i << " " << dimension.symbol;
      }
    }
    if (facts.value.has_value()) CheckValue(name, *facts.value, tensor);
  }

  int tensors() const { return tensors_; }
  int shapes() const { return shapes_; }

 private:
  int64_t Bound(const std::string& symbol, int64_t extent) { return bindings_.emplace(symbol, extent).first->second; }

  void CheckValue(const std::string& name, const std::vector<SymbolicValue>& value, const Tensor& tensor) {
    ASSERT_EQ(static_cast<int64_t>(value.size()), tensor.size()) << name;
    for (size_t i = 0; i < value.size(); ++i) {
      const int64_t actual = tensor.dtype() == DataType::kInt64   ? tensor.data<int64_t>()[i]
                             : tensor.dtype() == DataType::kInt32 ? tensor.data<int32_t>()[i]
                                                                  : tensor.data<bool>()[i];
      if (value[i].number) {
        EXPECT_EQ(*value[i].number, actual) << name << "[" << i << "]";
      }
      if (!value[i].symbol.empty()) {
        EXPECT_EQ(Bound(value[i].symbol, actual), actual) << name << "[" << i << "]";
      }
    }
  }

  const ShapeFacts& facts_;
  std::map<std::string, int64_t> bindings_;
  int tensors_ = 0;
  int shapes_ = 0;
};

// Runs with every tensor observed, as the graph is; then the optimized graph likewise.
void ExpectAgreement(const Model& model, const TensorMap& feeds) {
  for (const bool optimized : {false, true}) {
    Graph graph = model.graph;
    ConstantNodes constants(graph);
    if (optimized) OptimizeFor(CpuBackend(), model.opset(), {}, constants, graph);
    const ShapeFacts facts = InferShapes(graph, model.opset());
    std::vector<std::string> all;
    for (const Node& node : graph.nodes) {
      for (const std::string& output : node.outputs) {
        if (!output.empty()) all.push_back(output);
      }
    }
    EXPECT_EQ(setenv("QUANTD_OPTIMIZE", "0", 1), 0);
    const auto executor = CompileGraph(graph, model.opset(), CpuBackend(), {.keep = all});
    EXPECT_EQ(unsetenv("QUANTD_OPTIMIZE"), 0);
    ASSERT_OK(executor.status());
    Checker checker(facts);
    const auto visit = [&](const std::string& name, const Tensor& tensor) { checker.Check(name, tensor); };
    ASSERT_OK((*executor)->RunObserved(feeds, visit).status());
    // Of these models every rank is known beforehand.
    EXPECT_EQ(checker.shapes(), checker.tensors());
    EXPECT_GE(checker.tensors(), static_cast<int>(graph.nodes.size()));
  }
}

TEST(ShapesAgreeTest, OnTheRealModels) {
  for (const char* name : {"mnist_cnn", "mobilenet_v1_025_224", "resnet8_cifar10", "vit_fmnist"}) {
    SCOPED_TRACE(name);
    const Model model = ReadOnnxModel(std::string(QUANTD_TEST_DATA) + "/models/" + name + ".onnx", {}).value();
    Shape shape;
    for (const Dimension& dimension : model.graph.inputs[0].shape) shape.push_back(dimension.extent < 0 ? 3 : dimension.extent);
    ExpectAgreement(model, {{model.graph.inputs[0].name, Tensor(DataType::kFloat, shape)}});
  }
}

TEST(ShapesAgreeTest, OnGeneratedModels) {
  const Tensor ones = Tensor::Of<int64_t>({2, 3}, {1, 1, 1, 1, 1, 1});
  ExpectAgreement(testing::MakeBert({.layers = 1, .hidden = 8, .heads = 2, .intermediate = 16, .vocabulary = 50, .sequence_max = 20}),
                  {{"input_ids", ones}, {"attention_mask", ones}, {"token_type_ids", ones}});
  ExpectAgreement(testing::MakeVit({.layers = 1, .hidden = 24, .heads = 3, .intermediate = 48, .image = 32, .patch = 8, .classes = 5}),
                  {{"input", Tensor(DataType::kFloat, {2, 3, 32, 32})}});
}

}  // namespace
}  // namespace quantd
