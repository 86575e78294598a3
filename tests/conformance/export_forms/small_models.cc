#include "tests/conformance/export_forms/small_models.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "worker/io/onnx/reader.h"

namespace quantd::testing {
namespace {

// Builds a graph node by node; weights are normal-like with the variance that keeps activations in size.
class Builder {
 public:
  explicit Builder(uint64_t seed, std::string prefix = "") : random_(seed), prefix_(std::move(prefix)) {}

  std::string Add(const std::string& type, std::vector<std::string> inputs,
                  std::map<std::string, AttributeValue> attributes = {}, size_t wanted = 0) {
    const std::string output = absl::StrCat(prefix_, type, "_", graph_.nodes.size());
    std::vector<std::string> outputs(wanted + 1);  // Those before the wanted one are left out.
    outputs[wanted] = output;
    graph_.nodes.push_back(Node{.name = output, .op_type = type, .inputs = std::move(inputs),
                                .outputs = std::move(outputs), .attributes = std::move(attributes)});
    return output;
  }

  std::string Weight(const Shape& shape, double reach) {
    Tensor tensor(DataType::kFloat, shape);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const double sum = random_.Uniform() + random_.Uniform() + random_.Uniform() - 1.5;
      tensor.mutable_data<float>()[i] = static_cast<float>(2 * sum * reach);
    }
    return Constant(std::move(tensor));
  }

  std::string Constant(Tensor tensor) {
    const std::string name = absl::StrCat(prefix_, "weight_", graph_.initializers.size());
    graph_.initializers[name] = std::move(tensor);
    return name;
  }
  std::string Integers(const std::vector<int64_t>& values) {
    return Constant(Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  }

  std::string Conv(const std::string& x, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    const int64_t pad = kernel / 2;
    return Add("Conv", {x, Weight({out, in, kernel, kernel}, 1 / std::sqrt(static_cast<double>(in * kernel * kernel))), Weight({out}, 0.1)},
               {{"strides", std::vector<int64_t>{stride, stride}}, {"pads", std::vector<int64_t>{pad, pad, pad, pad}}});
  }
  std::string Linear(const std::string& x, int64_t in, int64_t out) {
    return Add("Add", {Add("MatMul", {x, Weight({in, out}, 1 / std::sqrt(static_cast<double>(in)))}), Weight({out}, 0.1)});
  }

  Model Take(std::vector<ValueInfo> inputs, std::vector<ValueInfo> outputs, int64_t opset) {
    graph_.name = "suite";
    graph_.inputs = std::move(inputs);
    graph_.outputs = std::move(outputs);
    return Model{.graph = std::move(graph_), .opset_imports = {{"", opset}}, .ir_version = 8};
  }

 private:
  Random random_;
  const std::string prefix_;
  Graph graph_;
};

ValueInfo Value(const std::string& name, DataType type, std::vector<Dimension> shape) {
  return {.name = name, .dtype = type, .has_shape = true, .shape = std::move(shape)};
}

const Dimension kBatch{.symbol = "batch"};
const Dimension kSequence{.symbol = "sequence"};

// [N, 3, 32, 32] -> boxes [N, 64, 4], scores [N, 64, 5].
SuiteModel Detector() {
  Builder b(11);
  const std::string stem = b.Add("Relu", {b.Conv("image", 3, 16, 3, 2)});
  const std::string wide = b.Add("Relu", {b.Conv(stem, 16, 32, 3, 2)});
  const std::string inner = b.Add("Relu", {b.Conv(wide, 32, 32, 3, 1)});
  const std::string residual = b.Add("Relu", {b.Add("Add", {wide, b.Conv(inner, 32, 32, 3, 1)})});
  const std::string pooled = b.Add("MaxPool", {residual}, {{"kernel_shape", std::vector<int64_t>{3, 3}},
                                                           {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  const std::string both = b.Add("Concat", {pooled, residual}, {{"axis", int64_t{1}}});
  const auto head = [&](int64_t values) {
    const std::string map = b.Conv(both, 64, values, 1, 1);
    const std::string last = b.Add("Transpose", {map}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
    return b.Add("Reshape", {last, b.Integers({0, 64, values})});
  };
  const std::string boxes = head(4), scores = b.Add("Sigmoid", {head(5)});
  return {.model = b.Take({Value("image", DataType::kFloat, {kBatch, {3}, {32}, {32}})},
                          {Value(boxes, DataType::kFloat, {kBatch, {64}, {4}}),
                           Value(scores, DataType::kFloat, {kBatch, {64}, {5}})},
                          13)};
}

constexpr int64_t kVocabulary = 50, kWidth = 64, kHeads = 4;

// [batch, sequence, width] -> the same, by attention over the sequence.
std::string Attention(Builder& b, const std::string& x) {
  const auto heads = [&](const std::string& flat, const std::vector<int64_t>& perm) {
    const std::string split = b.Add("Reshape", {flat, b.Integers({0, -1, kHeads, kWidth / kHeads})});
    return b.Add("Transpose", {split}, {{"perm", perm}});
  };
  const std::string q = heads(b.Linear(x, kWidth, kWidth), {0, 2, 1, 3}), k = heads(b.Linear(x, kWidth, kWidth), {0, 2, 3, 1}),
                    v = heads(b.Linear(x, kWidth, kWidth), {0, 2, 1, 3});
  const std::string scale = b.Constant(Tensor::Scalar(static_cast<float>(1 / std::sqrt(static_cast<double>(kWidth / kHeads)))));
  const std::string weights = b.Add("Softmax", {b.Add("Mul", {b.Add("MatMul", {q, k}), scale})}, {{"axis", int64_t{-1}}});
  const std::string mixed = b.Add("Transpose", {b.Add("MatMul", {weights, v})}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  return b.Linear(b.Add("Reshape", {mixed, b.Integers({0, -1, kWidth})}), kWidth, kWidth);
}

std::string Normalized(Builder& b, const std::string& x) {
  Tensor ones(DataType::kFloat, {kWidth});
  std::fill_n(ones.mutable_data<float>(), kWidth, 1.0f);
  return b.Add("LayerNormalization", {x, b.Constant(std::move(ones)), b.Weight({kWidth}, 0.1)}, {{"axis", int64_t{-1}}});
}

// x * 0.5 * (1 + erf(x / sqrt 2)), spelled out as exporters do.
std::string Gelu(Builder& b, const std::string& x) {
  const std::string erf = b.Add("Erf", {b.Add("Div", {x, b.Constant(Tensor::Scalar(1.4142135f))})});
  const std::string sum = b.Add("Add", {erf, b.Constant(Tensor::Scalar(1.0f))});
  return b.Add("Mul", {b.Add("Mul", {x, sum}), b.Constant(Tensor::Scalar(0.5f))});
}

// ids [batch, sequence] -> logits [batch, 7].
SuiteModel Encoder() {
  Builder b(12);
  std::string x = b.Add("Gather", {b.Weight({kVocabulary, kWidth}, 1), "ids"});
  for (int block = 0; block < 2; ++block) {
    x = b.Add("Add", {x, Attention(b, Normalized(b, x))});
    const std::string hidden = Gelu(b, b.Linear(Normalized(b, x), kWidth, 2 * kWidth));
    x = b.Add("Add", {x, b.Linear(hidden, 2 * kWidth, kWidth)});
  }
  const std::string pooled = b.Add("ReduceMean", {Normalized(b, x)},
                                   {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}});
  const std::string logits = b.Add("Gemm", {pooled, b.Weight({7, kWidth}, 0.125), b.Weight({7}, 0.1)}, {{"transB", int64_t{1}}});
  return {.model = b.Take({Value("ids", DataType::kInt64, {kBatch, kSequence})},
                          {Value(logits, DataType::kFloat, {kBatch, {7}})}, 17),
          .sequence = 9,
          .vocabulary = kVocabulary};
}

// frames [batch, sequence, 48] -> logits [batch, 5], through an LSTM that reads both ways.
SuiteModel Lstm() {
  constexpr int64_t kInputs = 48, kHidden = 32;
  Builder b(13);
  const std::string x = b.Add("Transpose", {"frames"}, {{"perm", std::vector<int64_t>{1, 0, 2}}});
  // Y is not asked for, Y_h is [2, batch, hidden].
  const std::string states = b.Add("LSTM",
                                   {x, b.Weight({2, 4 * kHidden, kInputs}, 0.2), b.Weight({2, 4 * kHidden, kHidden}, 0.2),
                                    b.Weight({2, 8 * kHidden}, 0.1)},
                                   {{"hidden_size", kHidden}, {"direction", std::string("bidirectional")}}, 1);
  const std::string rows = b.Add("Transpose", {states}, {{"perm", std::vector<int64_t>{1, 0, 2}}});
  const std::string flat = b.Add("Reshape", {rows, b.Integers({0, 2 * kHidden})});
  const std::string logits = b.Add("Gemm", {flat, b.Weight({2 * kHidden, 5}, 0.125), b.Weight({5}, 0.1)});
  return {.model = b.Take({Value("frames", DataType::kFloat, {kBatch, kSequence, {kInputs}})},
                          {Value(logits, DataType::kFloat, {kBatch, {5}})}, 14),
          .sequence = 7};
}

// A body that maps `captured` [batch, 64] to [batch, 32].
std::shared_ptr<const Graph> Branch(uint64_t seed, const std::string& prefix, const std::string& captured, bool with_relu) {
  Builder b(seed, prefix);
  std::string y = b.Linear(captured, 64, 32);
  if (with_relu) y = b.Add("Relu", {y});
  return std::make_shared<const Graph>(b.Take({}, {Value(y, DataType::kFloat, {kBatch, {32}})}, 13).graph);
}

// values [batch, 48] -> logits [batch, 4]: which weights are used hangs on the values.
SuiteModel Branches() {
  Builder b(14);
  const std::string hidden = b.Add("Relu", {b.Linear("values", 48, 64)});
  const std::string mean = b.Add("ReduceMean", {"values"}, {{"keepdims", int64_t{0}}});
  const std::string condition = b.Add("Greater", {mean, b.Constant(Tensor::Scalar(0.0f))});
  const std::string chosen = b.Add("If", {condition}, {{"then_branch", Branch(15, "then_", hidden, true)},
                                                       {"else_branch", Branch(16, "else_", hidden, false)}});
  const std::string logits = b.Add("Gemm", {chosen, b.Weight({32, 4}, 0.17), b.Weight({4}, 0.1)});
  return {.model = b.Take({Value("values", DataType::kFloat, {kBatch, {48}})},
                          {Value(logits, DataType::kFloat, {kBatch, {4}})}, 13)};
}

}  // namespace

std::vector<Shape> SuiteModel::Shapes(int64_t rows) const {
  std::vector<Shape> shapes;
  for (const ValueInfo& input : model.graph.inputs) {
    Shape shape;
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const int64_t extent = input.shape[axis].extent;
      shape.push_back(extent >= 0 ? extent : axis == 0 ? rows : sequence);
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

absl::StatusOr<SuiteModel> MakeSuiteModel(const std::string& name, const std::string& folder) {
  if (name == "detector") return Detector();
  if (name == "encoder") return Encoder();
  if (name == "lstm") return Lstm();
  if (name == "branches") return Branches();
  SuiteModel suite;
  if (name == "mnist_cnn" || name == "resnet8_cifar10") {
    suite.scale = 127.5f;  // Pixels of 0 to 255.
    suite.shift = 127.5f;
  } else if (name == "vit_fmnist") {
    suite.scale = 1.5f;
  } else if (name != "mobilenet_v1_025_224") {
    return absl::NotFoundError(absl::StrCat("there is no model '", name, "'"));
  }
  ASSIGN_OR_RETURN(suite.model, ReadOnnxModel(absl::StrCat(folder, "/", name, ".onnx"), {}));
  return suite;
}

}  // namespace quantd::testing
