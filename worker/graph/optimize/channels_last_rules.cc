#include "worker/graph/optimize/channels_last_rules.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"

namespace quantd::optimize {
namespace {

constexpr absl::string_view kPools[] = {"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"};

// By name, for the binary search.
constexpr absl::string_view kPointwise[] = {
    "Abs",       "Add",     "Cast",     "Ceil",     "Celu",     "Clip",      "DequantizeLinear",
    "Div",       "Elu",     "Erf",      "Exp",      "Floor",    "Gelu",      "HardSigmoid",
    "HardSwish", "LeakyRelu", "Log",    "Max",      "Min",      "Mish",      "Mul",
    "Neg",       "PRelu",   "Pow",      "QuantizeLinear", "Reciprocal", "Relu", "Round",
    "Selu",      "Sigmoid", "Softplus", "Softsign", "Sqrt",     "Sub",       "Tanh",
    "ThresholdedRelu"};

constexpr absl::string_view kReductions[] = {"ReduceL1",  "ReduceL2",   "ReduceMax", "ReduceMean",
                                             "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"};

template <size_t kCount>
bool Holds(const absl::string_view (&table)[kCount], const std::string& op_type) {
  return std::find(std::begin(table), std::end(table), op_type) != std::end(table);
}

// Where an axis of [N, C, H, W] lies in [N, H, W, C]; nothing for one that is out of range.
std::optional<int64_t> Moved(int64_t axis) {
  constexpr int64_t kPlaces[] = {0, 3, 1, 2};
  if (axis < -4 || axis > 3) return std::nullopt;
  return kPlaces[axis < 0 ? axis + 4 : axis];
}

std::optional<std::vector<int64_t>> Moved(const std::vector<int64_t>& axes) {
  std::vector<int64_t> moved;
  for (const int64_t axis : axes) {
    const std::optional<int64_t> place = Moved(axis);
    if (!place) return std::nullopt;
    moved.push_back(*place);
  }
  return moved;
}

using Initializers = std::map<std::string, Tensor>;

std::optional<std::vector<int64_t>> Integers(const Initializers& initializers, const std::string& name) {
  const auto it = initializers.find(name);
  if (it == initializers.end() || it->second.dtype() != DataType::kInt64) return std::nullopt;
  const int64_t* values = it->second.data<int64_t>();
  return std::vector<int64_t>(values, values + it->second.size());
}

std::string AddIntegers(Initializers& initializers, const std::string& base,
                        const std::vector<int64_t>& values) {
  std::string name = base;
  for (int i = 1; initializers.count(name) > 0; ++i) name = absl::StrCat(base, "_", i);
  initializers[name] = Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
  return name;
}

// An axis in the attribute "axis".
std::optional<Node> MoveAxisAttribute(Node node, int64_t fallback) {
  const std::optional<int64_t> axis = Moved(node.Int("axis", fallback));
  if (!axis) return std::nullopt;
  node.attributes["axis"] = *axis;
  return node;
}

// Axes in input `index`, or in the attribute "axes" where there is no such input.
std::optional<std::vector<int64_t>> AxesOf(const Node& node, size_t index,
                                           const Initializers& initializers) {
  if (node.inputs.size() > index && !node.inputs[index].empty()) {
    return Integers(initializers, node.inputs[index]);
  }
  return node.Has("axes") ? std::optional(node.Ints("axes")) : std::nullopt;
}

std::optional<Node> MoveAxesList(Node node, size_t index, Initializers& initializers) {
  const std::optional<std::vector<int64_t>> axes = AxesOf(node, index, initializers);
  if (!axes || axes->empty()) return std::nullopt;
  const std::optional<std::vector<int64_t>> moved = Moved(*axes);
  if (!moved) return std::nullopt;
  if (node.Has("axes")) {
    node.attributes["axes"] = *moved;
  } else {
    node.inputs[index] = AddIntegers(initializers, absl::StrCat(node.name, "/axes"), *moved);
  }
  return node;
}

std::optional<Node> MoveReduction(const Node& node, Initializers& initializers) {
  if (node.Int("keepdims", 1) == 0) {
    // Without the reduced axes the rank is another; only [N, C] reads the same in both layouts.
    std::vector<int64_t> axes = AxesOf(node, 1, initializers).value_or(std::vector<int64_t>());
    for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
    std::sort(axes.begin(), axes.end());
    if (axes != std::vector<int64_t>{2, 3}) return std::nullopt;
  }
  return MoveAxesList(node, 1, initializers);
}

// Constant pads of all four axes.
std::optional<Node> MovePad(Node node, Initializers& initializers) {
  if (node.inputs.size() < 2 || node.inputs.size() > 3) return std::nullopt;
  const std::optional<std::vector<int64_t>> pads = Integers(initializers, node.inputs[1]);
  if (!pads || pads->size() != 8) return std::nullopt;
  std::vector<int64_t> moved(8);
  for (int64_t axis = 0; axis < 4; ++axis) {
    const size_t place = static_cast<size_t>(*Moved(axis));
    moved[place] = (*pads)[static_cast<size_t>(axis)];
    moved[place + 4] = (*pads)[static_cast<size_t>(axis) + 4];
  }
  node.inputs[1] = AddIntegers(initializers, absl::StrCat(node.name, "/pads"), moved);
  return node;
}

}  // namespace

bool IsPool(const Node& node) { return node.domain.empty() && Holds(kPools, node.op_type); }

bool IsPointwise(const Node& node) {
  if (node.domain == "quantd") return node.op_type == "Activation" || node.op_type == "FakeQuantize";
  return node.domain.empty() && Holds(kPointwise, node.op_type);
}

std::optional<Node> MoveAxes(const Node& node, int64_t opset, Initializers& initializers) {
  if (!node.domain.empty()) return std::nullopt;
  if (node.Is("Concat")) return node.Has("axis") ? MoveAxisAttribute(node, 1) : std::nullopt;
  if (node.Is("Split")) return MoveAxisAttribute(node, 0);
  if ((node.Is("Softmax") || node.Is("LogSoftmax")) && opset >= 13) return MoveAxisAttribute(node, -1);
  if (node.Is("Slice") && opset >= 10) return MoveAxesList(node, 3, initializers);
  if (node.Is("Pad") && opset >= 11) return MovePad(node, initializers);
  if (Holds(kReductions, node.op_type)) return MoveReduction(node, initializers);
  return std::nullopt;
}

bool DropsSpatialAxes(const Node& moved) {
  return Holds(kReductions, moved.op_type) && moved.Int("keepdims", 1) == 0;
}

}  // namespace quantd::optimize
