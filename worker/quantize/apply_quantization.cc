#include "worker/quantize/apply_quantization.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/formats/minifloat.h"
#include "worker/quantize/quantize_bodies.h"

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
  if (!layer.takes_bias) {
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

// Whether integer kernels add products of these codes up: float8 codes have none.
bool AreIntegers(const AffineCode& code) { return FindMinifloat(code.zero_point.dtype()) == nullptr; }

// int32 codes with scale = activation scale x weight scale, as integer kernels add them to their sums.
// Nothing when a code would not fit: then the bias stays float.
std::optional<CodedTensor> CodeBias(const Tensor& bias, double activation_scale,
                                    const Tensor& weight_scale) {
  // The groups of a ConvTranspose share the scales of their channels.
  const Shape code_shape = weight_scale.rank() > 0 ? bias.shape() : Shape{};
  CodedTensor coded{.codes = Tensor(DataType::kInt32, bias.shape()),
                    .code = {.scale = Tensor(DataType::kFloat, code_shape),
                             .zero_point = Tensor(DataType::kInt32, code_shape)},
                    .axis = 0};
  const int64_t scales = coded.code.scale.size();
  for (int64_t i = 0; i < scales; ++i) {
    coded.code.scale.mutable_data<float>()[i] =
        static_cast<float>(activation_scale * weight_scale.data<float>()[i % weight_scale.size()]);
    if (!(coded.code.scale.data<float>()[i] > 0)) return std::nullopt;
  }
  for (int64_t i = 0; i < bias.size(); ++i) {
    const double scale = coded.code.scale.data<float>()[i % scales];
    const double code = std::nearbyint(bias.data<float>()[i] / scale);
    if (!(std::abs(code) <= std::numeric_limits<int32_t>::max())) return std::nullopt;
    coded.codes.mutable_data<int32_t>()[i] = static_cast<int32_t>(code);
  }
  return coded;
}

void QuantizeBias(const Graph& graph, const Node& node, const PlannedLayer& layer, const Quantization& quantization,
                  QdqBuilder& builder) {
  const bool plain_sum = node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1;
  if (layer.bias.empty() || !plain_sum || layer.activations.empty()) return;
  const ActivationDecision& activation = quantization.activations.at(layer.activations[0]);
  const CodedTensor& weight = quantization.weights.at({layer.node, layer.weights[0].input});
  if (weight.block_size > 0) return;  // Sums of several scales take no integer bias.
  if (!AreIntegers(activation.code) || !AreIntegers(weight.code)) return;
  const std::optional<CodedTensor> bias =
      CodeBias(graph.initializers.at(layer.bias), activation.scale, weight.code.scale);
  if (bias) builder.QuantizeInitializer(node.name, 2, *bias);
}

// `node` reads what the layer reads as codes, be it the layer's own node or its twin.
void QuantizeLayer(const Node& node, const PlannedLayer& layer, const Quantization& quantization,
                   QdqBuilder& builder) {
  if (layer.dynamic) {
    builder.MultiplyIntegers(node.name, quantization.weights.at({layer.node, layer.weights[0].input}));
    return;
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto weight = quantization.weights.find({layer.node, i});
    if (weight == quantization.weights.end()) {
      const bool is_activation = std::find(layer.activations.begin(), layer.activations.end(), node.inputs[i]) !=
                                 layer.activations.end();
      if (is_activation) builder.QuantizeActivation(node.name, i, quantization.activations.at(node.inputs[i]).code);
    } else if (layer.op_type == "Gather" && weight->second.block_size == 0 &&
               !IsPacked(weight->second.codes.dtype()) &&
               FindMinifloat(weight->second.codes.dtype()) == nullptr) {
      // Gather takes whole bytes, and no float8.
      builder.GatherCodes(node.name, weight->second);
    } else {
      builder.QuantizeInitializer(node.name, i, weight->second);
    }
  }
}

// What is no layer, or excluded, but reads codes all the same.
void QuantizeReads(const Node& node, const QuantizationPlan& plan, const Quantization& quantization,
                   QdqBuilder& builder) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (plan.reads.count({node.name, i}) == 0) continue;
    const auto constant = quantization.weights.find({node.name, i});
    if (constant != quantization.weights.end()) {
      builder.QuantizeInitializer(node.name, i, constant->second);
    } else {
      builder.QuantizeActivation(node.name, i, quantization.activations.at(node.inputs[i]).code);
    }
  }
}

// The caller, and subgraphs, know a replaced tensor by its name only: they get its dequantized value under that name.
void ReplaceNamedTensors(const Graph& graph, const QuantizationPlan& plan, const Quantization& quantization,
                         QdqBuilder& builder) {
  const GraphIndex index(graph);
  for (const std::string& tensor : plan.replaced) {
    const std::vector<const Node*>& readers = index.Consumers(tensor);
    const bool is_captured = std::any_of(readers.begin(), readers.end(), [&](const Node* reader) {
      return std::find(reader->inputs.begin(), reader->inputs.end(), tensor) == reader->inputs.end();
    });
    if (index.IsGraphOutput(tensor) || is_captured) {
      builder.ReplaceTensor(tensor, quantization.activations.at(tensor).code);
    }
  }
}

}  // namespace

absl::StatusOr<Graph> ApplyQuantization(const Graph& graph, const QuantizationPlan& plan,
                                        const Quantization& quantization) {
  Graph result = graph;
  std::map<std::string, PlannedLayer> layers;
  for (PlannedLayer layer : plan.layers) {
    if (layer.excluded) continue;
    const auto shift = quantization.output_shift.find(layer.node);
    if (shift != quantization.output_shift.end()) ApplyShift(result, layer, shift->second);
    layers[layer.node] = std::move(layer);
  }
  const Graph shifted = result;
  QdqBuilder builder(result);
  for (const Node& node : shifted.nodes) {
    const auto layer = layers.find(node.name);
    if (layer == layers.end()) {
      QuantizeReads(node, plan, quantization, builder);
    } else {
      QuantizeLayer(node, layer->second, quantization, builder);
      QuantizeBias(shifted, node, layer->second, quantization, builder);
    }
  }
  ReplaceNamedTensors(shifted, plan, quantization, builder);
  QuantizeBodies(plan.body_layers, quantization, result);
  RETURN_IF_ERROR(builder.Finish());
  return result;
}

std::string TwinOutput(const PlannedLayer& layer) { return layer.output + "/quantized_twin"; }

absl::StatusOr<Graph> AddQuantizedTwins(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                        const Quantization& quantization) {
  std::map<std::string, const PlannedLayer*> planned;
  for (const PlannedLayer& layer : layers) {
    if (!layer.excluded) planned[layer.node] = &layer;
  }
  Graph result = graph;
  std::vector<std::pair<const PlannedLayer*, Node>> twins;
  for (const Node& node : graph.nodes) {
    const auto it = planned.find(node.name);
    if (it == planned.end()) continue;
    const PlannedLayer& layer = *it->second;
    Node twin = node;
    twin.name = node.name + "/quantized_twin";
    for (std::string& output : twin.outputs) output = output == layer.output ? TwinOutput(layer) : "";
    result.outputs.push_back({.name = TwinOutput(layer), .dtype = DataType::kFloat});
    result.outputs.push_back({.name = layer.output, .dtype = DataType::kFloat});
    result.nodes.push_back(twin);
    twins.emplace_back(&layer, std::move(twin));
  }
  QdqBuilder builder(result);
  for (const auto& [layer, twin] : twins) QuantizeLayer(twin, *layer, quantization, builder);
  RETURN_IF_ERROR(builder.Finish());
  return result;
}

}  // namespace quantd
