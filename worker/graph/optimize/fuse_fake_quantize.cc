// QuantizeLinear whose codes only a DequantizeLinear reads, with the same scale and zero point: one pass over the
// tensor, no codes in memory, the same bits.
#include <string>
#include <utility>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

std::string ZeroPoint(const Node& node) { return node.inputs.size() > 2 ? node.inputs[2] : ""; }

// 8-bit codes, one scale: what the kernel runs.
bool IsPlain(const Rewriter& rewriter, const Node& node) {
  if (node.inputs.size() < 2) return false;
  const Tensor* const scale = rewriter.Constant(node.inputs[1]);
  if (scale == nullptr || scale->dtype() != DataType::kFloat || scale->size() != 1 || scale->rank() > 1) return false;
  if (node.Has("output_dtype") || node.Has("saturate") || node.Int("block_size", 0) != 0) return false;
  if (ZeroPoint(node).empty()) return true;
  const Tensor* const zero_point = rewriter.Constant(ZeroPoint(node));
  return zero_point != nullptr && zero_point->size() == 1 &&
         (zero_point->dtype() == DataType::kUint8 || zero_point->dtype() == DataType::kInt8);
}

}  // namespace

bool FuseFakeQuantize(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (!node.Is("DequantizeLinear") || node.inputs.size() < 2) continue;
    const Node* const quantize = rewriter.Producer(node.inputs[0], "QuantizeLinear");
    if (quantize == nullptr || !IsPlain(rewriter, *quantize) || quantize->inputs[1] != node.inputs[1] ||
        ZeroPoint(*quantize) != ZeroPoint(node)) {
      continue;
    }
    Node fused{.name = node.name, .op_type = "FakeQuantize", .domain = kFusedDomain,
               .inputs = {quantize->inputs[0], node.inputs[1], ZeroPoint(node)}, .outputs = node.outputs};
    rewriter.Replace({quantize, &node}, &node, std::move(fused));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
