#include <string>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"
#include "worker/graph/shapes.h"

namespace quantd::optimize {
namespace {

// Dropout whose mask nobody reads, not in training.
bool IsInferenceDropout(const Rewriter& rewriter, const Node& node) {
  if (!node.Is("Dropout")) return false;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (rewriter.IsOutput(node.outputs[i]) || !rewriter.Readers(node.outputs[i]).empty()) return false;
  }
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return true;
  const Tensor* const training = rewriter.Constant(node.inputs[2]);
  return training != nullptr && training->dtype() == DataType::kBool && training->size() == 1 &&
         !training->data<bool>()[0];
}

bool DoesNothing(const Rewriter& rewriter, const ShapeFacts& facts, const Node& node) {
  if (node.inputs.empty() || node.inputs[0].empty() || node.outputs.empty()) return false;
  if (node.Is("Identity") || IsInferenceDropout(rewriter, node)) return true;
  const auto in = facts.find(node.inputs[0]);
  if (in == facts.end()) return false;
  if (node.Is("Cast")) {
    return in->second.dtype != DataType::kUndefined && in->second.dtype == static_cast<DataType>(node.Int("to", 0));
  }
  const bool reshapes = node.Is("Reshape") || node.Is("Squeeze") || node.Is("Unsqueeze") || node.Is("Flatten") ||
                        node.Is("Expand");
  return reshapes && SameShape(in->second, FactsOf(facts, node.outputs[0]));
}

}  // namespace

bool RemoveNoOps(Graph& graph, const PassContext& context) {
  const ShapeFacts facts = InferShapes(graph, context.opset);
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (DoesNothing(rewriter, facts, node)) rewriter.Bypass(&node, node.inputs[0]);
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
