// Layers whose inputs come as codes compute in integers, and where their results become codes again, make those at once.
//
//   DequantizeLinear(x) , DequantizeLinear(w) [, DequantizeLinear(bias)] -> Conv | Gemm | MatMul [-> Relu] [-> QuantizeLinear]
//
// with 8-bit x under one scale and int8 w under symmetric scales. What has no such form (products of two activations,
// 16-bit and float8 codes) stays the float simulation.
#include <optional>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

// The DequantizeLinear whose result is input `index`, with constant scale and zero point.
const Node* Dequantize(const GraphIndex& index, const Rewriter& rewriter, const Node& node, size_t input) {
  if (input >= node.inputs.size()) return nullptr;
  const Node* const dequantize = index.Producer(node.inputs[input]);
  if (dequantize == nullptr || !dequantize->Is("DequantizeLinear") || dequantize->inputs.size() != 3 ||
      dequantize->Int("block_size", 0) != 0) {
    return nullptr;
  }
  const Tensor* const scale = rewriter.Constant(dequantize->inputs[1]);
  const Tensor* const zero_point = rewriter.Constant(dequantize->inputs[2]);
  const bool usable = scale != nullptr && zero_point != nullptr && scale->dtype() == DataType::kFloat;
  return usable ? dequantize : nullptr;
}

bool IsByteCode(const Tensor& zero_point) {
  return zero_point.size() == 1 &&
         (zero_point.dtype() == DataType::kUint8 || zero_point.dtype() == DataType::kInt8);
}

bool IsSymmetricInt8(const Tensor& zero_point) {
  if (zero_point.dtype() != DataType::kInt8) return false;
  for (int64_t i = 0; i < zero_point.size(); ++i) {
    if (zero_point.data<int8_t>()[i] != 0) return false;
  }
  return true;
}

// The weight's axis that scales may run along: that of the output channels.
std::optional<int64_t> ChannelAxis(const Node& node, const Tensor& weight) {
  if (node.Is("Conv")) return weight.rank() == 4 ? std::optional<int64_t>(0) : std::nullopt;
  if (weight.rank() != 2) return std::nullopt;
  if (node.Is("MatMul")) return 1;
  const bool plain = node.Int("transA", 0) == 0 && node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1;
  if (!node.Is("Gemm") || !plain) return std::nullopt;
  return node.Int("transB", 0) != 0 ? 0 : 1;
}

bool FitsAxis(const Node& dequantize, const Tensor& scale, const Tensor& weight, int64_t axis) {
  if (scale.size() == 1) return true;
  const int64_t given = dequantize.Int("axis", 1);
  return (given < 0 ? given + static_cast<int64_t>(weight.rank()) : given) == axis;
}

std::optional<Node> Lowered(const Rewriter& rewriter, const GraphIndex& index, const Node& node) {
  const Node* const x = Dequantize(index, rewriter, node, 0);
  const Node* const w = Dequantize(index, rewriter, node, 1);
  if (x == nullptr || w == nullptr) return std::nullopt;
  const Tensor* const weight = rewriter.Constant(w->inputs[0]);
  if (weight == nullptr || weight->dtype() != DataType::kInt8) return std::nullopt;
  const std::optional<int64_t> axis = ChannelAxis(node, *weight);
  if (!axis || !IsByteCode(*rewriter.Constant(x->inputs[2])) || !IsSymmetricInt8(*rewriter.Constant(w->inputs[2])) ||
      !FitsAxis(*w, *rewriter.Constant(w->inputs[1]), *weight, *axis)) {
    return std::nullopt;
  }
  std::string bias;
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    const Node* const b = Dequantize(index, rewriter, node, 2);
    const Tensor* const codes = b == nullptr ? nullptr : rewriter.Constant(b->inputs[0]);
    if (codes == nullptr || codes->dtype() != DataType::kInt32 ||
        codes->size() != weight->dim(static_cast<size_t>(*axis))) {
      return std::nullopt;
    }
    bias = b->inputs[0];
  }
  Node lowered = node;
  lowered.domain = kFusedDomain;
  lowered.op_type = node.Is("Conv") ? "IntegerConv" : "IntegerMatMul";
  lowered.inputs = {x->inputs[0], x->inputs[1], x->inputs[2], w->inputs[0], w->inputs[1], w->inputs[2], bias};
  return lowered;
}

}  // namespace

bool LowerToInteger(Graph& graph, const PassContext& context) {
  const GraphIndex index(graph);
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (!node.domain.empty() || node.outputs.size() != 1) continue;
    std::optional<Node> lowered = Lowered(rewriter, index, node);
    if (!lowered) continue;
    std::vector<const Node*> matched = {&node};
    const Node* next = rewriter.OnlyReader(node.outputs[0]);
    if (next != nullptr && next->Is("Relu")) {
      lowered->attributes["relu"] = int64_t{1};
      matched.push_back(next);
      next = rewriter.OnlyReader(next->outputs[0]);
    }
    const Tensor* const zero_point =
        next != nullptr && next->Is("QuantizeLinear") && next->inputs.size() == 3 &&
                next->inputs[0] == matched.back()->outputs[0] && rewriter.Scalar(next->inputs[1], 1)
            ? rewriter.Constant(next->inputs[2])
            : nullptr;
    if (zero_point != nullptr && IsByteCode(*zero_point)) {
      lowered->inputs.push_back(next->inputs[1]);
      lowered->inputs.push_back(next->inputs[2]);
      matched.push_back(next);
    }
    lowered->outputs = matched.back()->outputs;
    rewriter.Replace(matched, matched.back(), *std::move(lowered));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
