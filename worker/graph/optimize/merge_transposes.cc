#include <string>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

using Axes = std::vector<int64_t>;

bool ChangesNothing(const Axes& axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != static_cast<int64_t>(i)) return false;
  }
  return !axes.empty();
}

// Whether `axes` is a permutation of as many axes as it has entries.
bool IsPermutation(const Axes& axes) {
  std::vector<bool> seen(axes.size(), false);
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<int64_t>(axes.size()) || seen[static_cast<size_t>(axis)]) return false;
    seen[static_cast<size_t>(axis)] = true;
  }
  return !axes.empty();
}

}  // namespace

bool MergeTransposes(Graph& graph, const PassContext& context) {
  Rewriter rewriter(graph, context);
  for (const Node& node : graph.nodes) {
    if (!node.Is("Transpose") || node.inputs.size() != 1) continue;
    const Axes axes = node.Ints("perm");
    if (!IsPermutation(axes)) continue;
    if (ChangesNothing(axes)) {
      rewriter.Bypass(&node, node.inputs[0]);
      continue;
    }
    const Node* const before = rewriter.Producer(node.inputs[0], "Transpose");
    if (before == nullptr) continue;
    const Axes first = before->Ints("perm");
    if (!IsPermutation(first) || first.size() != axes.size()) continue;
    // Axis i of the result is axis axes[i] of the tensor between, which is axis first[axes[i]] of the source. The one
    // before stays for its other readers, and is dead without them.
    Node merged = node;
    merged.inputs[0] = before->inputs[0];
    Axes both;
    for (const int64_t axis : axes) both.push_back(first[static_cast<size_t>(axis)]);
    merged.attributes["perm"] = both;
    rewriter.Replace({&node}, &node, std::move(merged));
  }
  return rewriter.Apply();
}

}  // namespace quantd::optimize
