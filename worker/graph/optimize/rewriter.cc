#include "worker/graph/optimize/rewriter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quantd::optimize {

bool HasBody(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& attribute) {
    return std::holds_alternative<std::shared_ptr<const Graph>>(attribute.second);
  });
}

Rewriter::Rewriter(Graph& graph, const PassContext& context)
    : graph_(graph), context_(context), index_(graph) {}

const Node* Rewriter::Producer(const std::string& tensor) const {
  const Node* const node = index_.Producer(tensor);
  return node == nullptr || Taken(node) ? nullptr : node;
}

const Node* Rewriter::Producer(const std::string& tensor, const char* type) const {
  const Node* const node = Producer(tensor);
  return node != nullptr && node->Is(type) ? node : nullptr;
}

const Node* Rewriter::OnlyReader(const std::string& tensor) const {
  const std::vector<const Node*>& readers = index_.Consumers(tensor);
  if (readers.size() != 1 || IsOutput(tensor) || Taken(readers[0])) return nullptr;
  return readers[0];
}

const Tensor* Rewriter::Constant(const std::string& tensor) const {
  const auto it = graph_.initializers.find(tensor);
  return it == graph_.initializers.end() ? nullptr : &it->second;
}

std::optional<double> Rewriter::Scalar(const std::string& tensor, size_t rank_max) const {
  const Tensor* const constant = Constant(tensor);
  if (constant == nullptr || constant->size() != 1 || constant->rank() > rank_max) return std::nullopt;
  if (constant->dtype() == DataType::kFloat) return *constant->data<float>();
  if (constant->dtype() == DataType::kDouble) return *constant->data<double>();
  return std::nullopt;
}

std::optional<std::vector<int64_t>> Rewriter::Integers(const std::string& tensor) const {
  const Tensor* const constant = Constant(tensor);
  if (constant == nullptr) return std::nullopt;
  if (constant->dtype() == DataType::kInt64) {
    return std::vector<int64_t>(constant->data<int64_t>(), constant->data<int64_t>() + constant->size());
  }
  if (constant->dtype() == DataType::kInt32) {
    return std::vector<int64_t>(constant->data<int32_t>(), constant->data<int32_t>() + constant->size());
  }
  return std::nullopt;
}

bool Rewriter::Replace(const std::vector<const Node*>& matched, const Node* root, Node replacement) {
  const std::set<const Node*> group(matched.begin(), matched.end());
  const std::set<std::string> made(replacement.outputs.begin(), replacement.outputs.end());
  for (const Node* node : group) {
    if (Taken(node) || node > root) return false;
    for (const std::string& output : node->outputs) {
      if (output.empty() || made.count(output) > 0) continue;
      if (IsOutput(output)) return false;
      for (const Node* reader : Readers(output)) {
        if (group.count(reader) == 0) return false;
      }
    }
  }
  if (group.count(root) == 0 || !context_.supports(replacement)) return false;
  taken_.insert(group.begin(), group.end());
  replacements_[root] = std::move(replacement);
  return true;
}

bool Rewriter::Bypass(const Node* node, const std::string& instead) {
  const std::string& output = node->outputs[0];
  if (Taken(node) || IsOutput(output)) return false;
  for (const Node* reader : Readers(output)) {
    if (HasBody(*reader)) return false;
  }
  taken_.insert(node);
  renames_[output] = instead;
  return true;
}

std::string Rewriter::AddConstant(const std::string& base, Tensor tensor) {
  std::string name = FreshTensorName(graph_, base);
  graph_.initializers[name] = std::move(tensor);
  return name;
}

bool Rewriter::Apply() {
  if (taken_.empty()) return false;
  std::vector<Node> kept;
  for (Node& node : graph_.nodes) {
    const auto replacement = replacements_.find(&node);
    if (Taken(&node) && replacement == replacements_.end()) continue;
    Node next = replacement == replacements_.end() ? std::move(node) : std::move(replacement->second);
    for (std::string& input : next.inputs) {
      // What stands instead may have been bypassed too.
      for (auto it = renames_.find(input); it != renames_.end(); it = renames_.find(input)) input = it->second;
    }
    kept.push_back(std::move(next));
  }
  graph_.nodes = std::move(kept);
  return true;
}

}  // namespace quantd::optimize
