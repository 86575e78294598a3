// Two-dimensional convolutions, and what lies between them, move to channels-last layout.
//
// oneDNN convolves [N, H, W, C] as fast as its blocked layouts and several times faster than [N, C, H, W], and needs no
// padding of odd channel counts. So a tensor between convolutions exists only as its channels-last twin, an ordinary
// tensor of rank 4; a Transpose stands where the layouts meet: at the first convolution, and before an operator that
// must see the tensor as it was.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/graph/graph.h"
#include "worker/graph/optimize/channels_last_rules.h"
#include "worker/graph/optimize/passes.h"

namespace quantd::optimize {
namespace {

const std::vector<int64_t> kToLast = {0, 2, 3, 1};
const std::vector<int64_t> kToFirst = {0, 3, 1, 2};

class Mover {
 public:
  Mover(Graph& graph, const PassContext& context)
      : graph_(graph), opset_(context.opset), any_layout_(context.any_layout), index_(graph) {
    for (const Node& node : graph.nodes) {
      names_.insert(node.outputs.begin(), node.outputs.end());
      names_.insert(node.inputs.begin(), node.inputs.end());
    }
    for (const ValueInfo& input : graph.inputs) names_.insert(input.name);
    for (const auto& [name, tensor] : graph.initializers) names_.insert(name);
  }

  // Whether anything moved.
  bool Move() {
    for (const Node& node : graph_.nodes) {
      if (!Convert(node)) Emit(node);
    }
    for (ValueInfo& output : graph_.outputs) {
      const bool any = any_layout_.count(output.name) > 0 && only_twins_.count(output.name) > 0;
      if (any) {
        output.name = twins_.at(output.name).name;
      } else {
        MakePlain(output.name);
      }
    }
    graph_.nodes = std::move(moved_);
    return !twins_.empty();
  }

 private:
  // A tensor's channels-last form. `unit`: its height and width are 1, so both forms hold the same bytes.
  struct Twin {
    std::string name;
    bool unit = false;
  };

  const Twin* FindTwin(const std::string& tensor) const {
    const auto it = twins_.find(tensor);
    return it == twins_.end() ? nullptr : &it->second;
  }

  std::string Fresh(const std::string& base) {
    std::string name = base;
    for (int i = 1; !names_.insert(name).second; ++i) name = absl::StrCat(base, "_", i);
    return name;
  }

  void EmitTranspose(const std::string& from, const std::string& to, const std::vector<int64_t>& perm) {
    moved_.push_back({.name = absl::StrCat(to, "/transpose"),
                      .op_type = "Transpose",
                      .inputs = {from},
                      .outputs = {to},
                      .attributes = {{"perm", perm}}});
  }

  // The tensor in its own layout, which an operator that stays as it is must have.
  void MakePlain(const std::string& tensor) {
    const auto it = only_twins_.find(tensor);
    if (it == only_twins_.end()) return;
    only_twins_.erase(it);
    EmitTranspose(twins_.at(tensor).name, tensor, kToFirst);
  }

  std::string MakeTwin(const std::string& tensor) {
    if (const Twin* twin = FindTwin(tensor)) return twin->name;
    const std::string name = Fresh(absl::StrCat(tensor, "/channels_last"));
    EmitTranspose(tensor, name, kToLast);
    twins_[tensor] = {.name = name};
    return name;
  }

  void Emit(Node node) {
    for (const std::string& tensor : TensorsReadBy(node)) MakePlain(tensor);
    moved_.push_back(std::move(node));
  }

  // The node's first output exists as a twin only.
  void EmitTwin(Node node, bool unit) {
    const std::string output = node.outputs[0];
    const std::string name = Fresh(absl::StrCat(output, "/channels_last"));
    node.outputs[0] = name;
    for (const std::string& tensor : node.inputs) MakePlain(tensor);
    moved_.push_back(std::move(node));
    twins_[output] = {.name = name, .unit = unit};
    only_twins_.insert(output);
  }

  const Tensor* Constant(const std::string& name) const {
    const auto it = graph_.initializers.find(name);
    return it == graph_.initializers.end() ? nullptr : &it->second;
  }

  bool Convert(const Node& node);
  bool ConvertConv(Node node);
  bool ConvertPool(Node node);
  bool ConvertPointwise(Node node);
  bool ConvertAxis(Node node);
  bool ConvertUnit(Node node);
  bool ConvertShape(const Node& node);
  bool ConvertTranspose(const Node& node);
  std::optional<std::string> PointwiseOperand(const std::string& tensor);

  Graph& graph_;
  const int64_t opset_;
  const std::set<std::string>& any_layout_;
  const GraphIndex index_;
  std::set<std::string> names_;
  std::vector<Node> moved_;
  std::map<std::string, Twin> twins_;
  std::set<std::string> only_twins_;  // Tensors that exist as their twin only.
};

bool Mover::Convert(const Node& node) {
  const bool fused = node.domain == kFusedDomain && (node.op_type == "FusedConv" || node.op_type == "IntegerConv");
  if (fused || node.Is("Conv")) return ConvertConv(node);
  // Everything else follows a tensor that has moved already.
  if (node.inputs.empty() || FindTwin(node.inputs[0]) == nullptr) {
    const bool second = node.inputs.size() == 2 && FindTwin(node.inputs[1]) != nullptr;
    return second && IsPointwise(node) && ConvertPointwise(node);
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty() && !node.Is("Split")) return false;
  }
  if (IsPool(node)) return ConvertPool(node);
  if (IsPointwise(node)) return ConvertPointwise(node);
  if (node.Is("Shape")) return ConvertShape(node);
  if (node.Is("Transpose")) return ConvertTranspose(node);
  if (FindTwin(node.inputs[0])->unit && ConvertUnit(node)) return true;
  return ConvertAxis(node);
}

bool Mover::ConvertConv(Node node) {
  const bool integer = node.op_type == "IntegerConv";
  const std::string& weight = node.inputs[integer ? 3 : 1];
  const Tensor* tensor = Constant(weight);
  const Node* producer = index_.Producer(weight);
  // In a quantized graph the weight comes as codes.
  if (tensor == nullptr && producer != nullptr && producer->Is("DequantizeLinear")) {
    tensor = Constant(producer->inputs[0]);
  }
  if (tensor == nullptr || tensor->rank() != 4 || node.Int("channels_last", 0) != 0) return false;
  node.inputs[0] = MakeTwin(node.inputs[0]);
  if (!integer && node.inputs.size() > 3 && !node.inputs[3].empty()) node.inputs[3] = MakeTwin(node.inputs[3]);
  if (node.domain.empty()) node.op_type = "FusedConv";
  node.domain = kFusedDomain;
  node.attributes["channels_last"] = int64_t{1};
  EmitTwin(std::move(node), false);
  return true;
}

bool Mover::ConvertPool(Node node) {
  const bool global = node.op_type == "GlobalAveragePool" || node.op_type == "GlobalMaxPool";
  node.inputs[0] = FindTwin(node.inputs[0])->name;
  node.outputs.resize(1);
  node.domain = kFusedDomain;
  node.op_type = absl::StrCat("ChannelsLast", node.op_type);
  EmitTwin(std::move(node), global);
  return true;
}

// An operand that can stand beside channels-last tensors, or nothing.
std::optional<std::string> Mover::PointwiseOperand(const std::string& tensor) {
  if (tensor.empty()) return tensor;
  if (const Twin* twin = FindTwin(tensor)) return twin->name;
  const Tensor* constant = Constant(tensor);
  if (constant == nullptr || constant->rank() > 4) return std::nullopt;
  if (constant->size() == 1) return tensor;
  // One value a channel: [C, 1, 1] or [1, C, 1, 1] becomes [C].
  const Shape& shape = constant->shape();
  const bool per_channel = shape.size() >= 3 && shape[shape.size() - 1] == 1 &&
                           shape[shape.size() - 2] == 1 && (shape.size() == 3 || shape[0] == 1);
  if (!per_channel) return std::nullopt;
  const std::string name = Fresh(absl::StrCat(tensor, "/channels_last"));
  graph_.initializers[name] = constant->Reshaped({constant->size()});
  return name;
}

bool Mover::ConvertPointwise(Node node) {
  bool unit = true;
  std::vector<std::string> inputs;
  for (const std::string& tensor : node.inputs) {
    const std::optional<std::string> operand = PointwiseOperand(tensor);
    if (!operand) return false;
    inputs.push_back(*operand);
    if (const Twin* twin = FindTwin(tensor)) unit &= twin->unit;
  }
  node.inputs = std::move(inputs);
  EmitTwin(std::move(node), unit);
  return true;
}

bool Mover::ConvertAxis(Node node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (FindTwin(node.inputs[i]) == nullptr && (i == 0 || node.Is("Concat"))) return false;
  }
  const bool unit = FindTwin(node.inputs[0])->unit;
  std::optional<Node> moved = MoveAxes(node, opset_, graph_.initializers);
  if (!moved) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Twin* twin = FindTwin(node.inputs[i]);
    if (twin != nullptr && (i == 0 || node.Is("Concat"))) moved->inputs[i] = twin->name;
  }
  for (size_t i = 1; i < moved->inputs.size(); ++i) {
    if (moved->inputs[i] == node.inputs[i]) continue;
    names_.insert(moved->inputs[i]);
  }
  if (DropsSpatialAxes(*moved)) {  // [N, C] is the same in both layouts.
    moved_.push_back(*std::move(moved));
    return true;
  }
  std::vector<std::string> outputs = moved->outputs;
  for (std::string& output : moved->outputs) output = Fresh(absl::StrCat(output, "/channels_last"));
  for (size_t i = 0; i < outputs.size(); ++i) {
    twins_[outputs[i]] = {.name = moved->outputs[i], .unit = unit && !node.Is("Concat")};
    only_twins_.insert(outputs[i]);
  }
  moved_.push_back(*std::move(moved));
  return true;
}

// [N, C, 1, 1] and [N, 1, 1, C] hold the same bytes: what only counts elements may read either.
bool Mover::ConvertUnit(Node node) {
  const bool flattens = node.Is("Flatten") && node.Int("axis", 1) == 1;
  const Tensor* target = node.Is("Reshape") && node.inputs.size() == 2 ? Constant(node.inputs[1]) : nullptr;
  bool reshapes = target != nullptr && target->dtype() == DataType::kInt64 && target->rank() == 1;
  // A 0 past the first place stands for an extent of the plain form.
  for (int64_t i = 1; reshapes && i < target->size(); ++i) reshapes = target->data<int64_t>()[i] != 0;
  if (!flattens && !reshapes) return false;
  node.inputs[0] = FindTwin(node.inputs[0])->name;
  moved_.push_back(std::move(node));
  return true;
}

bool Mover::ConvertShape(const Node& node) {
  if (node.Has("start") || node.Has("end")) return false;
  const std::string shape = Fresh(absl::StrCat(node.outputs[0], "/channels_last"));
  const std::string order = Fresh(absl::StrCat(node.outputs[0], "/order"));
  graph_.initializers[order] = Tensor::Of<int64_t>({4}, kToFirst);
  Node moved = node;
  moved.inputs[0] = FindTwin(node.inputs[0])->name;
  moved.outputs[0] = shape;
  moved_.push_back(std::move(moved));
  moved_.push_back({.name = absl::StrCat(node.name, "/order"),
                    .op_type = "Gather",
                    .inputs = {shape, order},
                    .outputs = node.outputs});
  return true;
}

bool Mover::ConvertTranspose(const Node& node) {
  std::vector<int64_t> perm = node.Ints("perm", {3, 2, 1, 0});
  if (perm.size() != 4) return false;
  for (int64_t& axis : perm) {
    if (axis < 0 || axis > 3) return false;
    axis = kToFirst[static_cast<size_t>(axis)];
  }
  Node moved = node;
  moved.inputs[0] = FindTwin(node.inputs[0])->name;
  moved.attributes["perm"] = perm;
  moved_.push_back(std::move(moved));
  return true;
}

}  // namespace

bool MoveChannelsLast(Graph& graph, const PassContext& context) {
  return Mover(graph, context).Move();
}

}  // namespace quantd::optimize
