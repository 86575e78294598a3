#include "worker/quantize/plan_layers.h"

#include "absl/strings/string_view.h"

namespace quantd {
namespace {

struct LayerContext {
  const Graph& graph;
  const GraphIndex& index;
  const Node& node;
};

const Tensor* FloatInitializer(const Graph& graph, const std::string& name) {
  const auto it = graph.initializers.find(name);
  return it != graph.initializers.end() && it->second.dtype() == DataType::kFloat ? &it->second
                                                                                  : nullptr;
}

// Input `input` of the node where that is a float initializer, else null.
const Tensor* WeightAt(const LayerContext& context, size_t input) {
  if (input >= context.node.inputs.size()) return nullptr;
  return FloatInitializer(context.graph, context.node.inputs[input]);
}

void AddWeight(const LayerContext& context, size_t input, int axis, PlannedLayer& layer, int input_axis = -1) {
  const std::string& name = context.node.inputs[input];
  const Tensor& weight = context.graph.initializers.at(name);
  layer.weights.push_back({.input = input,
                           .initializer = name,
                           .axis = axis,
                           .channels = axis < 0 ? 1 : weight.dim(static_cast<size_t>(axis)),
                           .input_axis = input_axis});
}

void FindBias(const LayerContext& context, PlannedLayer& layer) {
  layer.takes_bias = true;
  const Tensor* bias = WeightAt(context, 2);
  if (bias != nullptr && bias->shape() == Shape{layer.channels}) layer.bias = context.node.inputs[2];
}

// A filter [out, in / group, window...], or for a ConvTranspose [in, out / group, window...]: there the groups share
// the scales of one axis.
bool PlanConvolution(const LayerContext& context, int axis, PlannedLayer& layer) {
  const Tensor* weight = WeightAt(context, 1);
  if (weight == nullptr || weight->rank() < 2 || WeightAt(context, 0) != nullptr) return false;
  layer.activations = {context.node.inputs[0]};
  // A filter of one tap is a matrix, [out, in / group, 1, 1].
  int64_t taps = 1;
  for (size_t i = 2; i < weight->rank(); ++i) taps *= weight->dim(i);
  AddWeight(context, 1, axis, layer, taps == 1 && axis == 0 && weight->dim(1) > 1 ? 1 : -1);
  const int64_t groups = axis == 1 ? context.node.Int("group", 1) : 1;
  layer.channels = layer.weights[0].channels * groups;
  layer.channels_last = false;
  FindBias(context, layer);
  return true;
}

bool PlanConv(const LayerContext& context, PlannedLayer& layer) {
  return PlanConvolution(context, 0, layer);
}

bool PlanConvTranspose(const LayerContext& context, PlannedLayer& layer) {
  return PlanConvolution(context, 1, layer);
}

bool PlanGemm(const LayerContext& context, PlannedLayer& layer) {
  const Tensor* weight = WeightAt(context, 1);
  if (weight == nullptr || weight->rank() != 2 || WeightAt(context, 0) != nullptr) return false;
  layer.activations = {context.node.inputs[0]};
  const bool transposed = context.node.Int("transB", 0) != 0;
  AddWeight(context, 1, transposed ? 0 : 1, layer, transposed ? 1 : 0);
  layer.channels = layer.weights[0].channels;
  FindBias(context, layer);
  return true;
}

// The Add of one value a channel that alone reads a MatMul's output.
void FindAdd(const LayerContext& context, PlannedLayer& layer) {
  const std::vector<const Node*>& consumers = context.index.Consumers(layer.output);
  if (consumers.size() != 1 || !consumers[0]->Is("Add") || consumers[0]->inputs.size() != 2 ||
      context.index.IsGraphOutput(layer.output)) return;
  const Node& add = *consumers[0];
  const std::string& other = add.inputs[0] == layer.output ? add.inputs[1] : add.inputs[0];
  const Tensor* vector = FloatInitializer(context.graph, other);
  if (vector == nullptr || vector->size() != layer.channels || vector->rank() < 1 ||
      vector->shape().back() != layer.channels) {
    return;
  }
  layer.add_node = add.name;
  layer.add_bias = other;
}

// A matrix on the right has one scale a column. A batch of matrices or a weight on the left has no axis
// that is one of the output's alone, so that integer sums could take only one scale: it gets one.
bool PlanMatMul(const LayerContext& context, PlannedLayer& layer) {
  const Tensor* left = WeightAt(context, 0);
  const Tensor* right = WeightAt(context, 1);
  if (context.node.inputs.size() < 2 || (left != nullptr && right != nullptr)) return false;
  for (const std::string& input : context.node.inputs) {
    const auto constant = context.graph.initializers.find(input);
    // Numbers of other types, doubles say, are neither weights nor activations.
    if (constant != context.graph.initializers.end() && constant->second.dtype() != DataType::kFloat) return false;
  }
  if ((left != nullptr && left->rank() < 2) || (right != nullptr && right->rank() < 2)) return false;
  if (left == nullptr) layer.activations.push_back(context.node.inputs[0]);
  if (right == nullptr) layer.activations.push_back(context.node.inputs[1]);
  if (left != nullptr) AddWeight(context, 0, -1, layer);
  if (right == nullptr) return true;
  AddWeight(context, 1, right->rank() == 2 ? 1 : -1, layer, static_cast<int>(right->rank()) - 2);
  if (right->rank() != 2) return true;
  layer.channels = layer.weights[0].channels;
  FindAdd(context, layer);
  return true;
}

// A table of embeddings, one row an index. Small vectors that shape arithmetic looks things up in are no such thing.
bool PlanGather(const LayerContext& context, PlannedLayer& layer) {
  const Tensor* table = WeightAt(context, 0);
  if (table == nullptr || table->rank() < 2 || context.node.inputs.size() < 2 ||
      context.graph.initializers.count(context.node.inputs[1]) > 0) {
    return false;
  }
  AddWeight(context, 0, context.node.Int("axis", 0) == 0 ? 0 : -1, layer, static_cast<int>(table->rank()) - 1);
  return true;
}

// W [directions, gates x hidden, inputs] and R [directions, gates x hidden, hidden]: one scale a row of a gate, which
// both directions share. Input, state and gates stay float: runtimes have no recurrent kernel that takes codes.
bool PlanRecurrent(const LayerContext& context, PlannedLayer& layer) {
  for (const size_t input : {size_t{1}, size_t{2}}) {
    const Tensor* weight = WeightAt(context, input);
    if (weight != nullptr && weight->rank() == 3) AddWeight(context, input, 1, layer, 2);
  }
  return !layer.weights.empty();
}

struct LayerKind {
  absl::string_view op_type;
  // Fills in what the layer is made of; false where the node is nothing to quantize.
  bool (*plan)(const LayerContext& context, PlannedLayer& layer);
};

constexpr LayerKind kLayerKinds[] = {
    {"Conv", &PlanConv},   {"ConvTranspose", &PlanConvTranspose},
    {"GRU", &PlanRecurrent},  {"Gather", &PlanGather},
    {"Gemm", &PlanGemm},   {"LSTM", &PlanRecurrent},
    {"MatMul", &PlanMatMul},  {"RNN", &PlanRecurrent},
};

// Recurrent nodes may leave their first output away.
std::string FirstOutput(const Node& node) {
  for (const std::string& output : node.outputs) {
    if (!output.empty()) return output;
  }
  return "";
}

}  // namespace

std::vector<PlannedLayer> FindLayers(const Graph& graph) {
  const GraphIndex index(graph);
  std::vector<PlannedLayer> layers;
  for (const Node& node : graph.nodes) {
    for (const LayerKind& kind : kLayerKinds) {
      if (!node.Is(kind.op_type)) continue;
      PlannedLayer layer{.node = node.name, .op_type = node.op_type, .output = FirstOutput(node)};
      if (!layer.output.empty() && kind.plan({graph, index, node}, layer)) layers.push_back(std::move(layer));
    }
  }
  return layers;
}

}  // namespace quantd
