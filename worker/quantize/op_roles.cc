#include "worker/quantize/op_roles.h"

#include "absl/strings/string_view.h"

namespace quantd {
namespace {

enum class Values { kFirst, kAll, kSecondAndThird };

struct OpRole {
  absl::string_view op_type;
  CodeRole role;
  Values values = Values::kFirst;
  // A further condition; null where the operator alone decides.
  bool (*holds)(const Graph& graph, const Node& node) = nullptr;
};

bool IsMissing(const Node& node, size_t input) {
  return input >= node.inputs.size() || node.inputs[input].empty();
}

bool IsConstant(const Graph& graph, const Node& node, size_t input) {
  return IsMissing(node, input) || graph.initializers.count(node.inputs[input]) > 0;
}

bool HasOneOutput(const Graph&, const Node& node) { return node.outputs.size() == 1 || node.outputs[1].empty(); }

// Interpolated values lie between codes; only what is copied keeps them.
bool IsNearest(const Graph&, const Node& node) { return node.String("mode", "nearest") == "nearest"; }

// Zero is exact in every code, and copies are; another constant may lie between codes or outside of them.
bool PadsWithZero(const Graph& graph, const Node& node) {
  if (node.String("mode", "constant") != "constant" || IsMissing(node, 2)) return true;
  const auto value = graph.initializers.find(node.inputs[2]);
  return value != graph.initializers.end() && value->second.dtype() == DataType::kFloat &&
         value->second.size() == 1 && value->second.data<float>()[0] == 0;
}

// Bounds that come from elsewhere at run time cannot be merged into a code.
bool HasConstantBounds(const Graph& graph, const Node& node) {
  return IsConstant(graph, node, 1) && IsConstant(graph, node, 2);
}

// Of an embedding table the codes are stored; see plan_layers.cc.
bool GathersActivations(const Graph& graph, const Node& node) {
  return !node.inputs.empty() && graph.initializers.count(node.inputs[0]) == 0;
}

constexpr OpRole kRoles[] = {
    {"Add", CodeRole::kInteger, Values::kAll},
    {"AveragePool", CodeRole::kInteger},
    {"Celu", CodeRole::kFunction},
    {"Clip", CodeRole::kActivation, Values::kFirst, &HasConstantBounds},
    {"Concat", CodeRole::kCarry, Values::kAll},
    {"DepthToSpace", CodeRole::kCarry},
    {"Elu", CodeRole::kFunction},
    {"Expand", CodeRole::kCarry},
    {"Flatten", CodeRole::kCarry},
    {"Gather", CodeRole::kCarry, Values::kFirst, &GathersActivations},
    {"GatherElements", CodeRole::kCarry, Values::kFirst, &GathersActivations},
    {"GatherND", CodeRole::kCarry, Values::kFirst, &GathersActivations},
    {"Gelu", CodeRole::kFunction},
    {"GlobalAveragePool", CodeRole::kInteger},
    {"GlobalMaxPool", CodeRole::kCarry},
    {"HardSigmoid", CodeRole::kFunction},
    {"HardSwish", CodeRole::kFunction},
    {"Identity", CodeRole::kCarry},
    {"LeakyRelu", CodeRole::kInteger},
    {"MaxPool", CodeRole::kCarry, Values::kFirst, &HasOneOutput},
    {"Mish", CodeRole::kFunction},
    {"Mul", CodeRole::kInteger, Values::kAll},
    {"PRelu", CodeRole::kFunction},
    {"Pad", CodeRole::kCarry, Values::kFirst, &PadsWithZero},
    {"Relu", CodeRole::kActivation},
    {"Reshape", CodeRole::kCarry},
    {"Resize", CodeRole::kCarry, Values::kFirst, &IsNearest},
    {"Selu", CodeRole::kFunction},
    {"Sigmoid", CodeRole::kInteger},
    {"Slice", CodeRole::kCarry},
    {"Softplus", CodeRole::kFunction},
    {"SpaceToDepth", CodeRole::kCarry},
    {"Split", CodeRole::kCarry},
    {"Squeeze", CodeRole::kCarry},
    {"Tanh", CodeRole::kFunction},
    {"Tile", CodeRole::kCarry},
    {"Transpose", CodeRole::kCarry},
    {"Unsqueeze", CodeRole::kCarry},
    {"Where", CodeRole::kInteger, Values::kSecondAndThird},
};

struct Known {
  absl::string_view op_type;
  ClipRange range;
};

constexpr Known kKnownRanges[] = {
    {"HardSigmoid", {0, 1}}, {"Sigmoid", {0, 1}}, {"Softmax", {0, 1}}, {"Tanh", {-1, 1}},
};

const OpRole* FindRole(const Node& node) {
  for (const OpRole& role : kRoles) {
    if (node.Is(role.op_type)) return &role;
  }
  return nullptr;
}

}  // namespace

CodeRole RoleOf(const Graph& graph, const Node& node) {
  const OpRole* role = FindRole(node);
  if (role == nullptr || (role->holds != nullptr && !role->holds(graph, node))) return CodeRole::kFloat;
  return role->role;
}

std::vector<size_t> ValueInputs(const Node& node) {
  const OpRole* role = FindRole(node);
  std::vector<size_t> inputs;
  if (role == nullptr) return inputs;
  switch (role->values) {
    case Values::kFirst:
      return {0};
    case Values::kSecondAndThird:
      return {1, 2};
    case Values::kAll:
      for (size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(i);
  }
  return inputs;
}

std::optional<ClipRange> KnownRange(const Node& node) {
  for (const Known& known : kKnownRanges) {
    if (node.Is(known.op_type)) return known.range;
  }
  return std::nullopt;
}

}  // namespace quantd
