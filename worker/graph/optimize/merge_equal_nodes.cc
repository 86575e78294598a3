// Common subexpressions. Exporters write every scalar and every Shape anew; patterns are plain only when equal
// things have one name.
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"

namespace quantd::optimize {
namespace {

constexpr size_t kSmallBytes = 1024;

std::string KeyOf(const Tensor& tensor) {
  std::string key = absl::StrCat(static_cast<int>(tensor.dtype()), ShapeString(tensor.shape()), ":");
  key.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
  return key;
}

// Length first, so that no two lists of strings look alike.
void Append(std::string& key, const std::string& text) { absl::StrAppend(&key, text.size(), ":", text); }

struct AttributeKey {
  std::string& key;
  void operator()(int64_t value) { absl::StrAppend(&key, "i", value); }
  void operator()(float value) { Append(key, std::string(reinterpret_cast<const char*>(&value), sizeof value)); }
  void operator()(const std::string& value) { Append(key, value); }
  void operator()(const std::vector<int64_t>& values) {
    absl::StrAppend(&key, "l", values.size());
    for (const int64_t value : values) absl::StrAppend(&key, ",", value);
  }
  void operator()(const std::vector<float>& values) {
    Append(key, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  }
  void operator()(const std::vector<std::string>& values) {
    absl::StrAppend(&key, "s", values.size());
    for (const std::string& value : values) Append(key, value);
  }
  void operator()(const Tensor& tensor) { Append(key, KeyOf(tensor)); }
  void operator()(const std::shared_ptr<const Graph>&) {}
};

std::string KeyOf(const Node& node) {
  std::string key;
  Append(key, node.domain);
  Append(key, node.op_type);
  absl::StrAppend(&key, node.outputs.size(), "/", node.inputs.size(), ";");
  for (const std::string& input : node.inputs) Append(key, input);
  for (const auto& [name, value] : node.attributes) {
    Append(key, name);
    absl::StrAppend(&key, value.index());
    std::visit(AttributeKey{key}, value);
  }
  return key;
}

using Renames = std::map<std::string, std::string>;

bool ReadInsideBody(const GraphIndex& index, const std::string& tensor) {
  for (const Node* reader : index.Consumers(tensor)) {
    if (HasBody(*reader)) return true;
  }
  return false;
}

void MergeConstants(const Graph& graph, const GraphIndex& index, Renames& renames) {
  std::map<std::string, std::string> first;
  for (const auto& [name, tensor] : graph.initializers) {
    if (SizeOf(tensor.dtype()) == 0 || tensor.bytes() > kSmallBytes) continue;
    const auto [it, is_new] = first.emplace(KeyOf(tensor), name);
    if (!is_new && !index.IsGraphOutput(name) && !ReadInsideBody(index, name)) renames[name] = it->second;
  }
}

bool MayMerge(const Node& node, const GraphIndex& index) {
  if (HasBody(node) || node.outputs.empty() || node.inputs.empty()) return false;
  if (node.op_type.find("Random") != std::string::npos || node.Is("Bernoulli") || node.Is("Multinomial") ||
      node.Is("Dropout")) {
    return false;
  }
  for (const std::string& output : node.outputs) {
    if (!output.empty() && (index.IsGraphOutput(output) || ReadInsideBody(index, output))) return false;
  }
  return true;
}

}  // namespace

bool MergeEqualNodes(Graph& graph, const PassContext&) {
  const GraphIndex index(graph);
  Renames renames;
  MergeConstants(graph, index, renames);
  std::map<std::string, std::vector<std::string>> first;  // Key of a node to its outputs.
  std::vector<Node> kept;
  for (const Node& original : graph.nodes) {
    Node node = original;  // The index points into graph.nodes.
    for (std::string& input : node.inputs) {
      if (const auto it = renames.find(input); it != renames.end()) input = it->second;
    }
    if (HasBody(node)) {
      kept.push_back(std::move(node));
      continue;
    }
    const std::string key = KeyOf(node);
    const auto it = first.find(key);
    bool merged = it != first.end() && MayMerge(node, index);
    // An output that the first one does not make has nothing to be replaced by.
    for (size_t i = 0; merged && i < node.outputs.size(); ++i) {
      merged = node.outputs[i].empty() || !it->second[i].empty();
    }
    if (!merged) {
      first.emplace(key, node.outputs);
      kept.push_back(std::move(node));
      continue;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) renames[node.outputs[i]] = it->second[i];
    }
  }
  graph.nodes = std::move(kept);
  return !renames.empty();
}

}  // namespace quantd::optimize
