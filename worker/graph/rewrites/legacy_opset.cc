#include "worker/graph/rewrites/legacy_opset.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kRaised = 7;

absl::Status Refused(const Node& node, absl::string_view why) {
  return MakeError(absl::StatusCode::kUnimplemented,
                   absl::StrCat("node '", node.name, "' (", node.op_type, ") cannot be raised to operator set 7: ", why,
                                "; export the model with version 7 or above"),
                   ErrorDetails{.reason = "UNSUPPORTED_OPSET",
                                .metadata = {{"node", node.name}, {"op_type", node.op_type}}});
}

bool IsAny(const Node& node, std::initializer_list<absl::string_view> types) {
  return node.domain.empty() && std::find(types.begin(), types.end(), node.op_type) != types.end();
}

// How many axes tensors have, as far as it is plain: the signature, the weights, and what keeps the rank.
class Ranks {
 public:
  explicit Ranks(const Graph& graph) {
    for (const ValueInfo& input : graph.inputs) {
      if (input.has_shape) ranks_[input.name] = static_cast<int64_t>(input.shape.size());
    }
    for (const auto& [name, tensor] : graph.initializers) ranks_[name] = static_cast<int64_t>(tensor.rank());
    for (const Node& node : graph.nodes) Note(node);
    // Last, so that nothing guessed stands against what the file says.
    for (const ValueInfo& output : graph.outputs) {
      if (output.has_shape) ranks_[output.name] = static_cast<int64_t>(output.shape.size());
    }
  }

  // -1 when it is not known.
  int64_t Of(const std::string& tensor) const {
    const auto it = ranks_.find(tensor);
    return it == ranks_.end() ? -1 : it->second;
  }

 private:
  void Note(const Node& node) {
    if (node.outputs.empty() || node.inputs.empty()) return;
    if (IsAny(node, {"Conv", "ConvTranspose"}) && node.inputs.size() > 1) {
      ranks_[node.outputs[0]] = Of(node.inputs[1]);
    } else if (IsAny(node, {"Gemm", "Flatten"})) {
      ranks_[node.outputs[0]] = 2;
    } else if (node.Is("Reshape") && node.Has("shape")) {
      ranks_[node.outputs[0]] = static_cast<int64_t>(node.Ints("shape").size());
    } else if (IsAny(node, {"Add", "Sub", "Mul", "Div", "Pow", "Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "PRelu",
                            "BatchNormalization", "InstanceNormalization", "Dropout", "MaxPool", "AveragePool",
                            "GlobalMaxPool", "GlobalAveragePool", "LRN", "Concat", "Pad", "Transpose", "Softmax",
                            "Clip", "Abs", "Neg", "Exp", "Sqrt", "Slice", "Identity"})) {
      ranks_[node.outputs[0]] = Of(node.inputs[0]);
    }
  }

  std::map<std::string, int64_t> ranks_;
};

class LegacyGraph {
 public:
  LegacyGraph(Graph& graph, int64_t from) : graph_(graph), from_(from), ranks_(graph) {}

  absl::Status Convert() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      if (node.domain.empty()) RETURN_IF_ERROR(ConvertNode(node));
      graph_.nodes.push_back(std::move(node));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ConvertNode(Node& node) {
    for (auto& [key, value] : node.attributes) {
      auto* body = std::get_if<std::shared_ptr<const Graph>>(&value);
      if (body == nullptr || *body == nullptr) continue;
      Graph converted = **body;
      RETURN_IF_ERROR(LegacyGraph(converted, from_).Convert());
      *body = std::make_shared<const Graph>(std::move(converted));
    }
    node.attributes.erase("consumed_inputs");  // A hint about memory, of version 1.
    if (IsAny(node, {"Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"})) {
      return Broadcast(node, 1);
    }
    if (node.Is("PRelu")) return PerChannelSlope(node);
    if (IsAny(node, {"BatchNormalization", "Dropout"})) return WithoutTraining(node);
    if (node.Is("Gemm")) node.attributes.erase("broadcast");  // Version 7 broadcasts C always.
    if (node.Is("Cast")) return NamedType(node);
    if (node.Is("Reshape") && node.Has("shape")) return AttributeToInput(node, "shape");
    if (node.Is("Concat") && from_ < 4 && !node.Has("axis")) node.attributes["axis"] = int64_t{1};
    if (node.Is("Pad") && node.Has("paddings")) {
      node.attributes["pads"] = node.Ints("paddings");
      node.attributes.erase("paddings");
    }
    if (IsAny(node, {"LpPool", "GlobalLpPool"}) && node.Has("p") && from_ < 2) {
      node.attributes["p"] = static_cast<int64_t>(node.Float("p", 2));
    }
    if (IsAny(node, {"RNN", "GRU", "LSTM"})) node.attributes.erase("output_sequence");
    if (node.Is("Upsample")) return Refused(node, "its scales were two attributes");
    if (node.Is("Tile") && from_ < 6) return Refused(node, "it repeats one axis only");
    return absl::OkStatus();
  }

  std::string FreshName(const std::string& base) {
    // Names that bodies capture are not the graph's own, so a counter alone would not do.
    std::string name;
    do {
      name = FreshTensorName(graph_, absl::StrCat(base, "_v7_", ++count_));
    } while (ranks_.Of(name) >= 0);
    return name;
  }

  // Input `slot` with `axes` more axes of extent 1 at its end.
  void AppendAxes(Node& node, size_t slot, int64_t rank, int64_t axes) {
    std::string& input = node.inputs[slot];
    const std::string name = FreshName(input);
    if (const auto it = graph_.initializers.find(input); it != graph_.initializers.end()) {
      Shape shape = it->second.shape();
      shape.insert(shape.end(), static_cast<size_t>(axes), 1);
      graph_.initializers[name] = it->second.Reshaped(shape);
    } else {
      std::vector<int64_t> places(static_cast<size_t>(axes));
      std::iota(places.begin(), places.end(), rank);
      graph_.nodes.push_back({.name = name, .op_type = "Unsqueeze", .inputs = {input}, .outputs = {name},
                              .attributes = {{"axes", places}}});
    }
    input = name;
  }

  // Until version 6 the second input was broadcast only on demand, from `axis` of the first on; since then as in NumPy,
  // where last axes meet last axes.
  absl::Status Broadcast(Node& node, size_t slot) {
    const bool asked = node.Int("broadcast", 0) != 0;
    const bool has_axis = asked && node.Has("axis");
    const int64_t axis = node.Int("axis", 0);
    node.attributes.erase("broadcast");
    node.attributes.erase("axis");
    if (!has_axis || node.inputs.size() <= slot) return absl::OkStatus();
    const int64_t outer = ranks_.Of(node.inputs[0]), inner = ranks_.Of(node.inputs[slot]);
    if (outer < 0 || inner < 0) return Refused(node, "it broadcasts along an axis of a tensor of unknown rank");
    const int64_t missing = outer - (axis < 0 ? axis + outer : axis) - inner;
    if (missing < 0) return Refused(node, absl::StrCat("there is no room for its second input at axis ", axis));
    if (missing > 0) AppendAxes(node, slot, inner, missing);
    return absl::OkStatus();
  }

  // A slope of one axis belonged to the channels, axis 1.
  absl::Status PerChannelSlope(Node& node) {
    if (node.inputs.size() < 2) return absl::OkStatus();
    const auto slope = graph_.initializers.find(node.inputs[1]);
    if (slope != graph_.initializers.end() && slope->second.size() == 1) return absl::OkStatus();
    const int64_t outer = ranks_.Of(node.inputs[0]), inner = ranks_.Of(node.inputs[1]);
    if (outer < 0 || inner < 0) return Refused(node, "the ranks of its inputs are not known");
    if (inner == 1 && outer > 2) AppendAxes(node, 1, 1, outer - 2);
    return absl::OkStatus();
  }

  absl::Status WithoutTraining(Node& node) {
    const bool test = node.Int("is_test", 0) != 0;
    node.attributes.erase("is_test");
    if (node.Is("BatchNormalization") && !test && node.outputs.size() > 1) return Refused(node, "it is in training mode");
    return absl::OkStatus();
  }

  // Until version 5 types had names.
  absl::Status NamedType(Node& node) {
    const auto it = node.attributes.find("to");
    const auto* name = it == node.attributes.end() ? nullptr : std::get_if<std::string>(&it->second);
    if (name == nullptr) return absl::OkStatus();
    std::string lower = *name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    for (int32_t type = 1; type <= static_cast<int32_t>(DataType::kBfloat16); ++type) {
      if (DataTypeName(static_cast<DataType>(type)) != lower) continue;
      it->second = int64_t{type};
      return absl::OkStatus();
    }
    return Refused(node, "its type is not known");
  }

  absl::Status AttributeToInput(Node& node, const std::string& key) {
    const std::vector<int64_t> values = node.Ints(key);
    if (node.inputs.size() != 1) return Refused(node, "it has other inputs than its data");
    const std::string name = FreshName(absl::StrCat(node.inputs[0], "_", key));
    graph_.initializers[name] = Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
    node.inputs.push_back(name);
    node.attributes.erase(key);
    return absl::OkStatus();
  }

  Graph& graph_;
  const int64_t from_;
  const Ranks ranks_;
  int64_t count_ = 0;
};

}  // namespace

absl::Status RaiseLegacyOpset(Model& model) {
  if (model.opset() < 1 || model.opset() >= kRaised) return absl::OkStatus();
  RETURN_IF_ERROR(LegacyGraph(model.graph, model.opset()).Convert());
  model.opset_imports[""] = kRaised;
  return absl::OkStatus();
}

}  // namespace quantd
