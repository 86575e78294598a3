#include "worker/graph/rewrites/remove_identities.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace quantd {
namespace {

using Renames = std::map<std::string, std::string>;

bool HasBody(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
    return std::holds_alternative<std::shared_ptr<const Graph>>(attribute.second);
  });
}

// Bodies are shared and immutable, so a tensor that one may read keeps its name.
bool MayRename(const GraphIndex& index, const std::string& tensor) {
  const std::vector<const Node*>& readers = index.Consumers(tensor);
  return std::none_of(readers.begin(), readers.end(),
                      [](const Node* reader) { return HasBody(*reader); });
}

bool IsInferenceDropout(const Graph& graph, const GraphIndex& index, const Node& node) {
  if (!node.Is("Dropout")) return false;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    const std::string& mask = node.outputs[i];
    if (!mask.empty() && (!index.Consumers(mask).empty() || index.IsGraphOutput(mask)))
      return false;
  }
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return true;
  const auto training = graph.initializers.find(node.inputs[2]);
  return training != graph.initializers.end() && training->second.dtype() == DataType::kBool &&
         training->second.size() == 1 && !training->second.data<bool>()[0];
}

bool DoesNothing(const Graph& graph, const GraphIndex& index, const Node& node) {
  if (node.inputs.empty() || node.inputs[0].empty() || node.outputs.empty()) return false;
  return (node.Is("Identity") && node.outputs.size() == 1) || IsInferenceDropout(graph, index, node);
}

void Apply(const Renames& renames, std::vector<std::string>& names) {
  for (std::string& name : names) {
    if (const auto it = renames.find(name); it != renames.end()) name = it->second;
  }
}

// Lets the readers of each such node read its input instead. Nodes come in topological order, so an
// input has got its final name before its readers are met.
void BypassInnerNodes(Graph& graph) {
  const GraphIndex index(graph);
  Renames renames;
  std::vector<Node> kept;
  for (const Node& original : graph.nodes) {
    Node node = original;  // The index points into graph.nodes.
    Apply(renames, node.inputs);
    if (DoesNothing(graph, index, original) && !index.IsGraphOutput(node.outputs[0]) &&
        MayRename(index, node.outputs[0])) {
      renames[node.outputs[0]] = node.inputs[0];
      continue;
    }
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

// Where such a node makes a graph output, its producer makes that output directly.
void BypassOutputNodes(Graph& graph) {
  const GraphIndex index(graph);
  Renames renames;
  std::set<const Node*> dropped;
  for (const Node& node : graph.nodes) {
    if (!DoesNothing(graph, index, node)) continue;
    const std::string& input = node.inputs[0];
    if (index.Producer(input) == nullptr || dropped.count(index.Producer(input)) > 0 ||
        index.IsGraphOutput(input) || !index.IsGraphOutput(node.outputs[0]) ||
        !MayRename(index, input) || renames.count(input) > 0) {
      continue;
    }
    renames[input] = node.outputs[0];
    dropped.insert(&node);
  }
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    if (dropped.count(&node) > 0) continue;
    Apply(renames, node.inputs);
    Apply(renames, node.outputs);
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
}

}  // namespace

absl::Status RemoveIdentities(Graph& graph) {
  BypassInnerNodes(graph);
  BypassOutputNodes(graph);
  RemoveDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace quantd
