// QdqBuilder: products of codes that are made at run time.
#include <utility>

#include "common/check.h"
#include "worker/quantize/qdq_builder.h"

namespace quantd {
namespace {

// [N, K] bytes as [K, N].
Tensor Transposed(const Tensor& codes) {
  const int64_t rows = codes.dim(0), columns = codes.dim(1);
  Tensor result(codes.dtype(), {columns, rows});
  const auto* from = static_cast<const uint8_t*>(codes.raw());
  auto* to = static_cast<uint8_t*>(result.mutable_raw());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
  }
  return result;
}

}  // namespace

const QdqBuilder::DynamicCodes& QdqBuilder::CodesAtRunTime(const std::string& tensor) {
  const auto found = dynamic_.find(tensor);
  if (found != dynamic_.end()) return found->second;
  DynamicCodes made{.codes = Fresh(tensor + "_quantized"), .scale = Fresh(tensor + "_scale"),
                    .zero_point = Fresh(tensor + "_zero_point")};
  added_.push_back(Node{.name = Fresh(made.codes + "_node"),
                        .op_type = "DynamicQuantizeLinear",
                        .inputs = {tensor},
                        .outputs = {made.codes, made.scale, made.zero_point}});
  return dynamic_.emplace(tensor, std::move(made)).first->second;
}

void QdqBuilder::MultiplyIntegers(const std::string& node_name, const CodedTensor& weight) {
  Node& node = FindNode(node_name);
  QUANTD_CHECK(SizeOf(weight.codes.dtype()) == 1 && weight.block_size == 0);
  const bool transposed = node.op_type == "Gemm" && node.Int("transB", 0) != 0;
  const std::string bias = node.op_type == "Gemm" && node.inputs.size() > 2 ? node.inputs[2] : "";
  const std::string name = node.inputs[1], output = node.outputs[0];
  const DynamicCodes x = CodesAtRunTime(node.inputs[0]);
  const std::string codes = Fresh(name + "_quantized");
  graph_.initializers[codes] = transposed ? Transposed(weight.codes) : weight.codes;
  const auto [scale, zero_point] = AddCode(name, weight.code);
  const std::string sum = Fresh(output + "_sum"), number = Fresh(output + "_number"),
                    scales = Fresh(output + "_scales"), product = bias.empty() ? output : Fresh(output + "_product");
  node = Node{.name = node.name,
              .op_type = "MatMulInteger",
              .inputs = {x.codes, codes, x.zero_point, zero_point},
              .outputs = {sum}};
  added_.push_back(Node{.name = Fresh(number + "_node"),
                        .op_type = "Cast",
                        .inputs = {sum},
                        .outputs = {number},
                        .attributes = {{"to", static_cast<int64_t>(DataType::kFloat)}}});
  added_.push_back(
      Node{.name = Fresh(scales + "_node"), .op_type = "Mul", .inputs = {x.scale, scale}, .outputs = {scales}});
  added_.push_back(
      Node{.name = Fresh(product + "_node"), .op_type = "Mul", .inputs = {number, scales}, .outputs = {product}});
  if (bias.empty()) return;
  added_.push_back(
      Node{.name = Fresh(output + "_node"), .op_type = "Add", .inputs = {product, bias}, .outputs = {output}});
}

}  // namespace quantd
