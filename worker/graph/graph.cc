#include "worker/graph/graph.h"

#include <queue>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

template <typename T>
T AttributeOr(const Node& node, const std::string& key, T fallback) {
  const auto it = node.attributes.find(key);
  if (it == node.attributes.end()) return fallback;
  const T* value = std::get_if<T>(&it->second);
  return value == nullptr ? fallback : *value;
}

// Tensors that a node needs: its inputs and what its subgraphs capture from outside.
void AppendReads(const Node& node, std::vector<std::string>& reads);

void AppendCaptures(const Graph& body, std::vector<std::string>& captures) {
  std::set<std::string> local;
  for (const ValueInfo& input : body.inputs) local.insert(input.name);
  for (const auto& [name, tensor] : body.initializers) local.insert(name);
  for (const Node& node : body.nodes) local.insert(node.outputs.begin(), node.outputs.end());
  std::vector<std::string> reads;
  for (const Node& node : body.nodes) AppendReads(node, reads);
  for (const ValueInfo& output : body.outputs) reads.push_back(output.name);
  for (std::string& name : reads) {
    if (local.count(name) == 0) captures.push_back(std::move(name));
  }
}

void AppendBodyCaptures(const Node& node, std::vector<std::string>& reads) {
  for (const auto& [key, value] : node.attributes) {
    if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value)) {
      AppendCaptures(**body, reads);
    }
  }
}

void AppendReads(const Node& node, std::vector<std::string>& reads) {
  for (const std::string& input : node.inputs) {
    if (!input.empty()) reads.push_back(input);
  }
  AppendBodyCaptures(node, reads);
}

absl::Status BadGraph(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRAPH", message);
}

}  // namespace

int64_t Node::Int(const std::string& key, int64_t fallback) const {
  return AttributeOr<int64_t>(*this, key, fallback);
}
float Node::Float(const std::string& key, float fallback) const {
  return AttributeOr<float>(*this, key, fallback);
}
std::string Node::String(const std::string& key, absl::string_view fallback) const {
  return AttributeOr<std::string>(*this, key, std::string(fallback));
}
std::vector<int64_t> Node::Ints(const std::string& key, std::vector<int64_t> fallback) const {
  return AttributeOr<std::vector<int64_t>>(*this, key, std::move(fallback));
}

std::vector<std::string> CapturedBy(const Node& node) {
  std::vector<std::string> reads;
  AppendBodyCaptures(node, reads);
  const std::set<std::string> names(reads.begin(), reads.end());
  return {names.begin(), names.end()};
}

GraphIndex::GraphIndex(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) producers_[output] = &node;
    }
    std::vector<std::string> reads;
    AppendReads(node, reads);
    for (const std::string& tensor : reads) {
      std::vector<const Node*>& consumers = consumers_[tensor];
      if (consumers.empty() || consumers.back() != &node) consumers.push_back(&node);
    }
  }
  for (const ValueInfo& output : graph.outputs) outputs_[output.name] = true;
}

const Node* GraphIndex::Producer(const std::string& tensor) const {
  const auto it = producers_.find(tensor);
  return it == producers_.end() ? nullptr : it->second;
}

const std::vector<const Node*>& GraphIndex::Consumers(const std::string& tensor) const {
  static const auto* const kNone = new std::vector<const Node*>();
  const auto it = consumers_.find(tensor);
  return it == consumers_.end() ? *kNone : it->second;
}

bool GraphIndex::IsGraphOutput(const std::string& tensor) const {
  return outputs_.count(tensor) > 0;
}

absl::Status SortTopologically(Graph& graph) {
  std::set<std::string> available;
  for (const ValueInfo& input : graph.inputs) available.insert(input.name);
  for (const auto& [name, tensor] : graph.initializers) available.insert(name);

  std::map<std::string, size_t> producer;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (output.empty()) continue;
      if (available.count(output) > 0 || !producer.emplace(output, i).second) {
        return BadGraph(absl::StrCat("tensor '", output, "' is made more than once, again by node '",
                                     graph.nodes[i].name, "'"));
      }
    }
  }

  std::vector<size_t> waiting_for(graph.nodes.size(), 0);
  std::vector<std::vector<size_t>> dependants(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    std::vector<std::string> reads;
    AppendReads(graph.nodes[i], reads);
    for (const std::string& tensor : reads) {
      if (available.count(tensor) > 0) continue;
      const auto it = producer.find(tensor);
      if (it == producer.end()) {
        return BadGraph(absl::StrCat("node '", graph.nodes[i].name, "' reads tensor '", tensor,
                                     "', which nothing makes"));
      }
      dependants[it->second].push_back(i);
      ++waiting_for[i];
    }
  }

  // The smallest ready index first: the order of the file where it is free.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < waiting_for.size(); ++i) {
    if (waiting_for[i] == 0) ready.push(i);
  }
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    for (const size_t next : dependants[i]) {
      if (--waiting_for[next] == 0) ready.push(next);
    }
    sorted.push_back(std::move(graph.nodes[i]));
  }
  if (sorted.size() != graph.nodes.size()) {
    for (size_t i = 0; i < waiting_for.size(); ++i) {
      if (waiting_for[i] > 0) {
        return BadGraph(absl::StrCat("node '", graph.nodes[i].name, "' is part of a cycle"));
      }
    }
  }
  graph.nodes = std::move(sorted);
  for (const ValueInfo& output : graph.outputs) {
    if (available.count(output.name) == 0 && producer.count(output.name) == 0) {
      return BadGraph(absl::StrCat("graph output '", output.name, "' is made by nothing"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> TensorsReadBy(const Node& node) {
  std::vector<std::string> reads;
  AppendReads(node, reads);
  return reads;
}

void RemoveDeadNodes(Graph& graph) {
  std::set<std::string> live;
  for (const ValueInfo& output : graph.outputs) live.insert(output.name);
  std::vector<Node> kept;
  for (auto it = graph.nodes.rbegin(); it != graph.nodes.rend(); ++it) {
    bool needed = false;
    for (const std::string& output : it->outputs) needed |= live.count(output) > 0;
    if (!needed) continue;
    std::vector<std::string> reads;
    AppendReads(*it, reads);
    live.insert(reads.begin(), reads.end());
    kept.push_back(std::move(*it));
  }
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  for (auto it = graph.initializers.begin(); it != graph.initializers.end();) {
    it = live.count(it->first) > 0 ? std::next(it) : graph.initializers.erase(it);
  }
}

std::string FreshTensorName(const Graph& graph, const std::string& base) {
  std::set<std::string> used;
  for (const ValueInfo& input : graph.inputs) used.insert(input.name);
  for (const ValueInfo& output : graph.outputs) used.insert(output.name);
  for (const auto& [name, tensor] : graph.initializers) used.insert(name);
  for (const Node& node : graph.nodes) {
    used.insert(node.inputs.begin(), node.inputs.end());
    used.insert(node.outputs.begin(), node.outputs.end());
  }
  if (used.count(base) == 0) return base;
  for (int i = 1;; ++i) {
    std::string name = absl::StrCat(base, "_", i);
    if (used.count(name) == 0) return name;
  }
}

}  // namespace quantd
