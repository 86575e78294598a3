#include "worker/graph/rewrites/raise_to_21.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kIrVersion = 10;  // Came out with version 21.

// Version 18 moved their axes from an attribute to input 1. Sorted.
constexpr absl::string_view kAxesMoved[] = {"ReduceL1",  "ReduceL2",  "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                                            "ReduceMean", "ReduceMin", "ReduceProd",   "ReduceSumSquare"};

void CollectNames(const Graph& graph, std::set<std::string>& names) {
  for (const auto& [name, tensor] : graph.initializers) names.insert(name);
  for (const ValueInfo& value : graph.inputs) names.insert(value.name);
  for (const Node& node : graph.nodes) {
    names.insert(node.outputs.begin(), node.outputs.end());
    names.insert(node.inputs.begin(), node.inputs.end());
    for (const auto& [key, value] : node.attributes) {
      const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (body != nullptr) CollectNames(**body, names);
    }
  }
}

absl::Status Refused(const Node& node, absl::string_view why) {
  return MakeError(absl::StatusCode::kUnimplemented,
                   absl::StrCat("node '", node.name, "' (", node.op_type, ") cannot be raised to operator set ",
                                kBlockedOpset, ": ", why, "; export the model with version ", kBlockedOpset),
                   ErrorDetails{.reason = "UNSUPPORTED_OPSET",
                                .metadata = {{"node", node.name}, {"op_type", node.op_type}}});
}

// What changed for nodes that were valid before (ONNX, docs/Changelog.md); all other changes only added types,
// attributes with defaults that mean the old behaviour, or operators.
class Raiser {
 public:
  Raiser(int64_t from, std::set<std::string> names) : from_(from), names_(std::move(names)) {}

  absl::Status Raise(Graph& graph) {
    for (Node& node : graph.nodes) {
      if (node.domain.empty()) RETURN_IF_ERROR(Convert(node, graph));
      for (auto& [key, value] : node.attributes) {
        auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
        if (body == nullptr) continue;
        auto raised = std::make_shared<Graph>(**body);
        RETURN_IF_ERROR(Raise(*raised));
        *body = std::move(raised);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Convert(Node& node, Graph& graph) {
    if (from_ < 14 && node.op_type == "BatchNormalization") return ConvertBatchNorm(node);
    if (from_ < 16 && node.op_type == "RoiAlign" && !node.Has("coordinate_transformation_mode")) {
      node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
    }
    if (from_ < 18 && std::binary_search(std::begin(kAxesMoved), std::end(kAxesMoved), absl::string_view(node.op_type))) {
      MoveAxes(node, graph);
    }
    if (from_ < 18 && node.op_type == "Split" && (node.inputs.size() < 2 || node.inputs[1].empty())) {
      node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
    }
    if (from_ < 20 && node.op_type == "GridSample") {
      const std::string mode = node.String("mode", "bilinear");
      if (mode == "bilinear") node.attributes["mode"] = std::string("linear");
      if (mode == "bicubic") node.attributes["mode"] = std::string("cubic");
    }
    if (from_ < 20 && node.op_type == "DFT") return Refused(node, "its axis became an input");
    if (node.op_type == "GroupNormalization") return Refused(node, "its scale and bias are now one a channel");
    return absl::OkStatus();
  }

  // Up to version 13 further outputs were there for training; version 14 allows one output here.
  absl::Status ConvertBatchNorm(Node& node) {
    for (size_t i = 1; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) return Refused(node, "it asks for statistics of training");
    }
    node.outputs.resize(1);
    return absl::OkStatus();
  }

  // An empty list means all axes in both forms.
  void MoveAxes(Node& node, Graph& graph) {
    const std::vector<int64_t> axes = node.Ints("axes");
    node.attributes.erase("axes");
    if (axes.empty() || node.inputs.size() != 1) return;
    const std::string name = Fresh(node.name + "_axes");
    graph.initializers[name] = Tensor::Of<int64_t>({static_cast<int64_t>(axes.size())}, axes);
    node.inputs.push_back(name);
  }

  std::string Fresh(const std::string& base) {
    std::string name = base;
    for (int i = 1; !names_.insert(name).second; ++i) name = absl::StrCat(base, "_", i);
    return name;
  }

  const int64_t from_;
  std::set<std::string> names_;
};

}  // namespace

absl::Status RaiseTo21(Model& model) {
  const int64_t from = model.opset();
  QUANTD_CHECK(from >= 13);
  if (from >= kBlockedOpset) return absl::OkStatus();
  std::set<std::string> names;
  CollectNames(model.graph, names);
  Graph raised = model.graph;  // Shares the weights.
  RETURN_IF_ERROR(Raiser(from, std::move(names)).Raise(raised));
  model.graph = std::move(raised);
  model.opset_imports[""] = kBlockedOpset;
  model.ir_version = std::max(model.ir_version, kIrVersion);
  return absl::OkStatus();
}

}  // namespace quantd
