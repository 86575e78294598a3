#include "worker/quantize/apply_quantization.h"

#include <cmath>
#include <limits>
#include <optional>

#include "common/check.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

Node* FindNode(Graph& graph, const std::string& name) {
  for (Node& node : graph.nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

size_t InputIndex(const Node& node, const std::string& tensor) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == tensor) return i;
  }
  QUANTD_CHECK(false);
  return 0;
}

// `bias` (or zeros) plus the shift, in the shape of `bias`. The layer multiplies its bias by `beta`.
Tensor Shifted(const Tensor* bias, const std::vector<double>& shift, double beta = 1) {
  const int64_t channels = static_cast<int64_t>(shift.size());
  Tensor result(DataType::kFloat, bias == nullptr ? Shape{channels} : bias->shape());
  float* out = result.mutable_data<float>();
  for (size_t c = 0; c < shift.size(); ++c) {
    out[c] = static_cast<float>((bias == nullptr ? 0.0 : bias->data<float>()[c]) + shift[c] / beta);
  }
  return result;
}

// Adds the layer's output shift where the layer has, or can have, one value a channel. The initializer gets
// a name of its own: others may read the old one.
void ApplyShift(Graph& graph, PlannedLayer& layer, const std::vector<double>& shift) {
  if (layer.op_type == "MatMul") {
    if (layer.add_bias.empty()) return;
    const std::string name = FreshTensorName(graph, layer.add_bias + "_corrected");
    graph.initializers[name] = Shifted(&graph.initializers.at(layer.add_bias), shift);
    Node* add = FindNode(graph, layer.add_node);
    add->inputs[InputIndex(*add, layer.add_bias)] = name;
    layer.add_bias = name;
    return;
  }
  const Tensor* bias = layer.bias.empty() ? nullptr : &graph.initializers.at(layer.bias);
  Node* node = FindNode(graph, layer.node);
  const double beta = layer.op_type == "Gemm" ? node->Float("beta", 1) : 1;
  if (beta == 0) return;
  // A third input that is no vector of one value a channel stays as it is.
  if (bias == nullptr && node->inputs.size() > 2 && !node->inputs[2].empty()) return;
  const std::string name =
      FreshTensorName(graph, (layer.bias.empty() ? layer.node + "_bias" : layer.bias) + "_corrected");
  graph.initializers[name] = Shifted(bias, shift, beta);
  node->inputs.resize(3);
  node->inputs[2] = name;
  layer.bias = name;
}

// int32 codes with scale = activation scale x weight scale, as integer kernels add them to their sums.
// Nothing when a code would not fit: then the bias stays float.
std::optional<CodedTensor> CodeBias(const Tensor& bias, double activation_scale,
                                    const Tensor& weight_scale) {
  const bool per_channel = weight_scale.rank() > 0;
  CodedTensor coded{.codes = Tensor(DataType::kInt32, bias.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, weight_scale.shape()),
                             .zero_point = Tensor(DataType::kInt32, weight_scale.shape())},
                    .axis = 0};
  for (int64_t i = 0; i < weight_scale.size(); ++i) {
    coded.code.scale.mutable_data<float>()[i] =
        static_cast<float>(activation_scale * weight_scale.data<float>()[i]);
    if (!(coded.code.scale.data<float>()[i] > 0)) return std::nullopt;
  }
  for (int64_t i = 0; i < bias.size(); ++i) {
    const double scale = coded.code.scale.data<float>()[per_channel ? i : 0];
    const double code = std::nearbyint(bias.data<float>()[i] / scale);
    if (!(std::abs(code) <= std::numeric_limits<int32_t>::max())) return std::nullopt;
    coded.codes.mutable_data<int32_t>()[i] = static_cast<int32_t>(code);
  }
  return coded;
}

void QuantizeInputs(const Node& original, const PlannedLayer& layer, const std::string& node,
                    const Quantization& quantization, QdqBuilder& builder) {
  for (size_t i = 0; i < 2 && i < original.inputs.size(); ++i) {
    const auto activation = quantization.activations.find(original.inputs[i]);
    if (!layer.weight.empty() && i == 1) {
      builder.QuantizeInitializer(node, i, quantization.weights.at(layer.node));
    } else if (activation != quantization.activations.end()) {
      builder.QuantizeActivation(node, i, activation->second.code);
    }
  }
}

}  // namespace

absl::StatusOr<Graph> ApplyQuantization(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                        const Quantization& quantization) {
  Graph result = graph;
  std::vector<PlannedLayer> changed = layers;
  for (PlannedLayer& layer : changed) {
    const auto shift = quantization.output_shift.find(layer.node);
    if (!layer.excluded && shift != quantization.output_shift.end()) {
      ApplyShift(result, layer, shift->second);
    }
  }
  const Graph shifted = result;
  QdqBuilder builder(result);
  for (const Node& node : shifted.nodes) {
    for (const PlannedLayer& layer : changed) {
      if (layer.node != node.name || layer.excluded) continue;
      QuantizeInputs(node, layer, node.name, quantization, builder);
      const bool plain_sum = node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1;
      if (layer.bias.empty() || !plain_sum) continue;
      const std::optional<CodedTensor> bias =
          CodeBias(shifted.initializers.at(layer.bias),
                   quantization.activations.at(layer.activations[0]).scale,
                   quantization.weights.at(layer.node).code.scale);
      if (bias) builder.QuantizeInitializer(node.name, 2, *bias);
    }
  }
  RETURN_IF_ERROR(builder.Finish());
  return result;
}

std::string TwinOutput(const PlannedLayer& layer) { return layer.output + "/quantized_twin"; }

absl::StatusOr<Graph> AddQuantizedTwins(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                        const Quantization& quantization) {
  Graph result = graph;
  std::vector<std::pair<const PlannedLayer*, Node>> twins;
  for (const Node& node : graph.nodes) {
    for (const PlannedLayer& layer : layers) {
      if (layer.node != node.name || layer.excluded) continue;
      Node twin = node;
      twin.name = node.name + "/quantized_twin";
      twin.outputs = {TwinOutput(layer)};
      result.outputs.push_back({.name = TwinOutput(layer), .dtype = DataType::kFloat});
      result.outputs.push_back({.name = layer.output, .dtype = DataType::kFloat});
      result.nodes.push_back(twin);
      twins.emplace_back(&layer, std::move(twin));
    }
  }
  QdqBuilder builder(result);
  for (const auto& [layer, twin] : twins) {
    QuantizeInputs(twin, *layer, twin.name, quantization, builder);
  }
  RETURN_IF_ERROR(builder.Finish());
  return result;
}

}  // namespace quantd
