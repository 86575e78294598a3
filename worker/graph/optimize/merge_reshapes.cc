#include <string>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

// Operators that give the same elements in the same order another shape.
bool KeepsOrder(const Node& node) {
  return node.Is("Reshape") || node.Is("Squeeze") || node.Is("Unsqueeze") || node.Is("Flatten");
}

// A Reshape whose target says all without its input's shape: no 0 that copies an extent.
bool IsSelfContained(const Rewriter& rewriter, const Node& node) {
  if (!node.Is("Reshape") || node.inputs.size() != 2) return false;
  const auto target = rewriter.Integers(node.inputs[1]);
  if (!target.has_value()) return false;
  for (const int64_t extent : *target) {
    if (extent == 0) return false;
  }
  return true;
}

}  // namespace

bool MergeReshapes(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (!IsSelfContained(rewriter, node)) continue;
    const Node* const before = rewriter.Producer(node.inputs[0]);
    if (before == nullptr || !KeepsOrder(*before)) continue;
    Node merged = node;
    merged.inputs[0] = before->inputs[0];
    rewriter.Replace({&node}, &node, std::move(merged));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
