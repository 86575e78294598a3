#include "worker/graph/rewrites/convert_opset.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/graph/rewrites/opset_rules.h"

namespace quantd {
namespace {

// The lowest version that RaiseOpset knows, and the IR version that came out with version 13.
constexpr int64_t kLowestOpset = 7;
constexpr int64_t kRaisedIrVersion = 7;

bool IsOtherFloat(DataType type) {
  return type == DataType::kDouble || type == DataType::kFloat16 || type == DataType::kBfloat16;
}

}  // namespace

OpsetConversion::OpsetConversion(Graph& graph, int64_t from, const OpsetConversion* outer)
    : graph_(graph), from_(from) {
  if (outer != nullptr) {
    tensors_ = outer->tensors_;
    is_float32_ = outer->is_float32_;
  }
  TakeNames(graph);
  const auto note = [this](const ValueInfo& value) {
    is_float32_ &= !IsOtherFloat(value.dtype);
    if (value.has_shape) ranks_[value.name] = static_cast<int64_t>(value.shape.size());
  };
  std::for_each(graph.inputs.begin(), graph.inputs.end(), note);
  std::for_each(graph.outputs.begin(), graph.outputs.end(), note);
  for (const ValueInfo& output : graph.outputs) read_.insert(output.name);
  for (const auto& [name, tensor] : graph.initializers) {
    is_float32_ &= !IsOtherFloat(tensor.dtype());
    ranks_[name] = static_cast<int64_t>(tensor.rank());
  }
  for (const Node& node : graph.nodes) {
    node_names_.insert(node.name);
    read_.insert(node.inputs.begin(), node.inputs.end());
    const std::vector<std::string> captured = CapturedBy(node);
    read_.insert(captured.begin(), captured.end());
    if (node.Is("Cast")) is_float32_ &= !IsOtherFloat(static_cast<DataType>(node.Int("to", 0)));
    if ((node.Is("Gemm") || node.Is("Flatten")) && !node.outputs.empty())
      ranks_[node.outputs[0]] = 2;
  }
}

void OpsetConversion::TakeNames(const Graph& graph) {
  for (const ValueInfo& input : graph.inputs) tensors_.insert(input.name);
  for (const ValueInfo& output : graph.outputs) tensors_.insert(output.name);
  for (const auto& [name, tensor] : graph.initializers) tensors_.insert(name);
  for (const Node& node : graph.nodes) {
    tensors_.insert(node.inputs.begin(), node.inputs.end());
    tensors_.insert(node.outputs.begin(), node.outputs.end());
    for (const auto& [key, value] : node.attributes) {
      const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (body != nullptr && *body != nullptr) TakeNames(**body);
    }
  }
}

absl::StatusOr<std::shared_ptr<const Graph>> OpsetConversion::ConvertBody(const Graph& body) {
  Graph raised = body;  // Shares the weights.
  OpsetConversion conversion(raised, from_, this);
  for (const Node& node : body.nodes) RETURN_IF_ERROR(ConvertNode(node, conversion));
  conversion.Finish();
  tensors_.insert(conversion.tensors_.begin(), conversion.tensors_.end());
  return std::make_shared<const Graph>(std::move(raised));
}

int64_t OpsetConversion::RankOf(const std::string& tensor) const {
  const auto it = ranks_.find(tensor);
  return it == ranks_.end() ? -1 : it->second;
}

std::string OpsetConversion::FreshName(const std::string& base) {
  std::string name = base;
  while (!tensors_.insert(name).second) name = absl::StrCat(base, "_", ++tensor_counts_[base]);
  return name;
}

std::string OpsetConversion::AddConstant(const std::string& base, Tensor value) {
  std::string name = FreshName(base);
  graph_.initializers.emplace(name, std::move(value));
  return name;
}

void OpsetConversion::Emit(Node node) { converted_.push_back(std::move(node)); }

void OpsetConversion::Finish() {
  // A node that a rule split carries one name several times.
  std::set<std::string> given;
  std::map<std::string, int> counts;
  for (Node& node : converted_) {
    if (given.insert(node.name).second) continue;
    std::string name = node.name;
    while (!node_names_.insert(name).second) name = absl::StrCat(node.name, "_", ++counts[node.name]);
    given.insert(name);
    node.name = std::move(name);
  }
  graph_.nodes = std::move(converted_);
}

absl::Status RaiseOpset(Model& model, int64_t at_least) {
  const int64_t from = model.opset();
  if (from >= at_least) return absl::OkStatus();
  if (at_least > kRaisedOpset || from < kLowestOpset || from > kRaisedOpset) {
    return MakeError(absl::StatusCode::kUnimplemented, "UNSUPPORTED_OPSET",
                     absl::StrCat("cannot raise a model from operator set ", from, " to ", at_least,
                                  "; export it with version ", at_least));
  }
  Graph raised = model.graph;  // Shares the weights.
  OpsetConversion conversion(raised, from);
  for (const Node& node : model.graph.nodes) RETURN_IF_ERROR(ConvertNode(node, conversion));
  conversion.Finish();
  RETURN_IF_ERROR(SortTopologically(raised));
  model.graph = std::move(raised);
  model.opset_imports[""] = kRaisedOpset;
  model.ir_version = std::max(model.ir_version, kRaisedIrVersion);
  return absl::OkStatus();
}

}  // namespace quantd
