#include "tests/support/models/graph_builder.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quantd::testing {

GraphBuilder::GraphBuilder(std::string name, uint64_t seed) : random_(seed) {
  graph_.name = std::move(name);
}

std::string GraphBuilder::Input(const std::string& name, DataType dtype,
                                std::vector<Dimension> shape) {
  graph_.inputs.push_back(
      {.name = name, .dtype = dtype, .has_shape = true, .shape = std::move(shape)});
  return name;
}

void GraphBuilder::Output(const std::string& tensor, std::vector<Dimension> shape) {
  graph_.outputs.push_back(
      {.name = tensor, .dtype = DataType::kFloat, .has_shape = true, .shape = std::move(shape)});
}

std::string GraphBuilder::Weight(const std::string& name, Shape shape, double deviation) {
  // A uniform variable on [-a, a] has deviation a / sqrt 3.
  const double bound = deviation * std::sqrt(3.0);
  return Range(name, std::move(shape), -bound, bound);
}

std::string GraphBuilder::Range(const std::string& name, Shape shape, double low, double high) {
  Tensor tensor(DataType::kFloat, std::move(shape));
  float* values = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    values[i] = static_cast<float>(low + (high - low) * random_.Uniform());
  }
  return Constant(name, std::move(tensor));
}

std::string GraphBuilder::Constant(const std::string& name, Tensor tensor) {
  QUANTD_CHECK(graph_.initializers.emplace(name, std::move(tensor)).second);
  return name;
}

std::string GraphBuilder::Auto(Tensor tensor) {
  return Constant(absl::StrCat("onnx::Constant_", constants_++), std::move(tensor));
}

std::string GraphBuilder::Float(float value) { return Auto(Tensor::Scalar(value)); }

std::string GraphBuilder::Int(int64_t value) { return Auto(Tensor::Scalar(value)); }

std::string GraphBuilder::Ints(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Auto(Tensor::Of({count}, values));
}

std::vector<std::string> GraphBuilder::OpWithOutputs(const std::string& scope,
                                                     const std::string& type,
                                                     std::vector<std::string> inputs, int outputs,
                                                     Attributes attributes) {
  Node node{.op_type = type, .inputs = std::move(inputs), .attributes = std::move(attributes)};
  node.name = absl::StrCat(scope, "/", type);
  const int before = used_[node.name]++;
  if (before > 0) absl::StrAppend(&node.name, "_", before);
  for (int i = 0; i < outputs; ++i) {
    node.outputs.push_back(absl::StrCat(node.name, "_output_", i));
  }
  graph_.nodes.push_back(node);
  return node.outputs;
}

std::string GraphBuilder::Op(const std::string& scope, const std::string& type,
                             std::vector<std::string> inputs, Attributes attributes) {
  return OpWithOutputs(scope, type, std::move(inputs), 1, std::move(attributes))[0];
}

std::string GraphBuilder::Extent(const std::string& scope, const std::string& tensor,
                                 int64_t axis) {
  const std::string shape = Op(scope, "Shape", {tensor});
  return Op(scope, "Gather", {shape, Int(axis)}, {{"axis", int64_t{0}}});
}

std::string GraphBuilder::ReshapeTo(const std::string& scope, const std::string& tensor,
                                    const std::vector<std::string>& extents) {
  std::vector<std::string> parts;
  for (const std::string& extent : extents) {
    parts.push_back(Op(scope, "Unsqueeze", {extent, Ints({0})}));
  }
  const std::string shape = Op(scope, "Concat", parts, {{"axis", int64_t{0}}});
  return Op(scope, "Reshape", {tensor, shape});
}

std::string GraphBuilder::Linear(const std::string& scope, const std::string& x, int64_t in,
                                 int64_t out, double gain) {
  const double deviation = gain / std::sqrt(static_cast<double>(in));
  const std::string weight = Weight(scope + ".weight", {in, out}, deviation);
  const std::string bias = Weight(scope + ".bias", {out}, 0.1);
  const std::string product = Op(scope, "MatMul", {x, weight});
  return Op(scope, "Add", {bias, product});
}

std::string GraphBuilder::Gelu(const std::string& scope, const std::string& x) {
  const std::string scaled = Op(scope, "Div", {x, Float(1.4142135f)});
  const std::string erf = Op(scope, "Erf", {scaled});
  const std::string plus = Op(scope, "Add", {erf, Float(1)});
  const std::string product = Op(scope, "Mul", {x, plus});
  return Op(scope, "Mul", {product, Float(0.5f)});
}

Model GraphBuilder::Build(int64_t opset) {
  Model model;
  model.graph = std::exchange(graph_, {});
  model.opset_imports[""] = opset;
  model.producer_name = "quantd-tests";
  return model;
}

Dimension Symbol(const std::string& name) { return {.extent = -1, .symbol = name}; }

}  // namespace quantd::testing
