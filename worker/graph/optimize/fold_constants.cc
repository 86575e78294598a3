#include <string>
#include <utility>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

// A result may be larger than what it is made from: an executor keeps its constants computed anyway, and products take
// in weights only that are there.
//
// Whether it computes the same each time, and needs nothing but its inputs.
bool IsFunction(const Node& node) {
  return node.op_type.find("Random") == std::string::npos && !node.Is("Bernoulli") && !node.Is("Multinomial") &&
         !HasBody(node);
}

bool Fold(Graph& graph, const PassContext& context, const Node& node) {
  if (node.inputs.empty() || !IsFunction(node)) return false;
  std::vector<const Tensor*> inputs;
  for (const std::string& name : node.inputs) {
    const auto it = graph.initializers.find(name);
    if (it == graph.initializers.end() && !name.empty()) return false;
    inputs.push_back(name.empty() ? nullptr : &it->second);
  }
  const absl::StatusOr<std::vector<Tensor>> results = context.evaluate(node, inputs);
  if (!results.ok()) return false;
  for (size_t i = 0; i < results->size() && i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty()) graph.initializers[node.outputs[i]] = (*results)[i];
  }
  return true;
}

}  // namespace

bool FoldConstants(Graph& graph, const PassContext& context) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    if (!Fold(graph, context, node)) kept.push_back(std::move(node));
  }
  const bool changed = kept.size() != graph.nodes.size();
  graph.nodes = std::move(kept);
  return changed;
}

}  // namespace quantd::optimize
