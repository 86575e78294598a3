#include "worker/quantize/plan_layers.h"

#include <fnmatch.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {
namespace {

bool Matches(const std::string& pattern, const std::string& text) {
  return pattern.empty() || ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

const Tensor* FloatInitializer(const Graph& graph, const std::string& name) {
  const auto it = graph.initializers.find(name);
  return it != graph.initializers.end() && it->second.dtype() == DataType::kFloat ? &it->second
                                                                                  : nullptr;
}

// The Add of one value a channel that alone reads a MatMul's output.
void FindAdd(const Graph& graph, const GraphIndex& index, PlannedLayer& layer) {
  const std::vector<const Node*>& consumers = index.Consumers(layer.output);
  if (consumers.size() != 1 || !consumers[0]->Is("Add") || index.IsGraphOutput(layer.output)) return;
  const Node& add = *consumers[0];
  const std::string& other = add.inputs[0] == layer.output ? add.inputs[1] : add.inputs[0];
  const Tensor* vector = FloatInitializer(graph, other);
  if (vector == nullptr || vector->size() != layer.channels || vector->rank() < 1 ||
      vector->shape().back() != layer.channels) {
    return;
  }
  layer.add_node = add.name;
  layer.add_bias = other;
}

// False when the node is nothing to quantize.
bool PlanNode(const Graph& graph, const GraphIndex& index, const Node& node, PlannedLayer& layer) {
  const bool is_matmul = node.Is("MatMul");
  if (!(node.Is("Conv") || node.Is("Gemm") || is_matmul) || node.inputs.size() < 2) return false;
  layer = {.node = node.name, .op_type = node.op_type, .output = node.outputs[0]};
  const Tensor* weight = FloatInitializer(graph, node.inputs[1]);
  if (weight != nullptr && FloatInitializer(graph, node.inputs[0]) == nullptr) {
    layer.activations = {node.inputs[0]};
    // A MatMul weight of rank 1, or a batch of different matrices, has no channel axis to scale by.
    if (is_matmul && weight->rank() != 2) return false;
    layer.weight = node.inputs[1];
    layer.weight_axis = node.Is("Conv")   ? 0
                        : node.Is("Gemm") ? (node.Int("transB", 0) != 0 ? 0 : 1)
                                          : 1;
    if (weight->rank() < 2) return false;
    layer.channels = weight->dim(static_cast<size_t>(layer.weight_axis));
    if (!is_matmul && node.inputs.size() > 2 && !node.inputs[2].empty()) {
      const Tensor* bias = FloatInitializer(graph, node.inputs[2]);
      if (bias != nullptr && bias->shape() == Shape{layer.channels}) layer.bias = node.inputs[2];
    }
    if (is_matmul) FindAdd(graph, index, layer);
    return true;
  }
  if (!is_matmul || weight != nullptr || FloatInitializer(graph, node.inputs[0]) != nullptr) return false;
  layer.activations = {node.inputs[0], node.inputs[1]};
  return true;
}

}  // namespace

absl::StatusOr<std::vector<PlannedLayer>> PlanLayers(const Graph& graph,
                                                     const std::vector<LayerRule>& rules) {
  const GraphIndex index(graph);
  std::vector<PlannedLayer> layers;
  std::vector<bool> rule_used(rules.size(), false);
  for (const Node& node : graph.nodes) {
    PlannedLayer layer;
    if (!PlanNode(graph, index, node, layer)) continue;
    for (size_t i = 0; i < rules.size(); ++i) {
      if (!Matches(rules[i].op_type, node.op_type) || !Matches(rules[i].node_name, node.name)) continue;
      rule_used[i] = true;
      layer.excluded = rules[i].exclude;
    }
    layers.push_back(std::move(layer));
  }
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rule_used[i]) continue;
    violations.push_back(
        {absl::StrCat("recipe.rules[", i, "]"),
         absl::StrCat("matches none of the ", layers.size(), " layers that can be quantized (op_type '",
                      rules[i].op_type, "', node_name '", rules[i].node_name, "')")});
  }
  if (!violations.empty()) return InvalidFields("RULE_MATCHES_NOTHING", violations);
  return layers;
}

std::vector<std::string> TensorsToObserve(const std::vector<PlannedLayer>& layers) {
  std::vector<std::string> tensors;
  std::set<std::string> seen;
  for (const PlannedLayer& layer : layers) {
    if (layer.excluded) continue;
    for (const std::string& tensor : layer.activations) {
      if (seen.insert(tensor).second) tensors.push_back(tensor);
    }
  }
  return tensors;
}

}  // namespace quantd
