#include "worker/quantize/quantize_bodies.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/quantize/plan_layers.h"

namespace quantd {
namespace {

using BodyPointer = std::shared_ptr<const Graph>;

std::string PathOf(const std::string& prefix, const std::string& node, const std::string& attribute) {
  return absl::StrCat(prefix, node, "/", attribute, "/");
}

// The body with the constants that it captures as initializers of its own, so that layers find their weights.
Graph WithCaptured(const Graph& around, const Node& node, const Graph& body) {
  Graph result = body;
  std::set<std::string> local;
  for (const ValueInfo& input : body.inputs) local.insert(input.name);
  for (const Node& inner : body.nodes) local.insert(inner.outputs.begin(), inner.outputs.end());
  for (const std::string& name : CapturedBy(node)) {
    const auto constant = around.initializers.find(name);
    if (constant != around.initializers.end() && local.count(name) == 0) result.initializers.insert(*constant);
  }
  return result;
}

void FindIn(const Graph& graph, const std::string& prefix, std::vector<BodyLayer>& found) {
  for (const Node& node : graph.nodes) {
    for (const auto& [key, value] : node.attributes) {
      const BodyPointer* body = std::get_if<BodyPointer>(&value);
      if (body == nullptr || *body == nullptr) continue;
      const std::string path = PathOf(prefix, node.name, key);
      const Graph whole = WithCaptured(graph, node, **body);
      for (PlannedLayer& planned : FindLayers(whole)) {
        if (planned.weights.empty()) continue;
        BodyLayer layer;
        layer.layer = {.node = path + planned.node,
                       .op_type = planned.op_type,
                       .output = planned.output,
                       .weights = planned.weights};
        for (const PlannedWeight& weight : planned.weights) {
          layer.values.push_back(whole.initializers.at(weight.initializer));
        }
        found.push_back(std::move(layer));
      }
      FindIn(whole, path, found);
    }
  }
}

class BodyWriter {
 public:
  BodyWriter(const std::vector<BodyLayer>& layers, const Quantization& quantization) : quantization_(quantization) {
    for (const BodyLayer& layer : layers) {
      if (!layer.layer.excluded) layers_[layer.layer.node] = &layer.layer;
    }
  }

  void Rewrite(const std::string& prefix, Graph& graph) const {
    for (Node& node : graph.nodes) {
      for (auto& [key, value] : node.attributes) {
        BodyPointer* body = std::get_if<BodyPointer>(&value);
        if (body == nullptr || *body == nullptr) continue;
        const std::string path = PathOf(prefix, node.name, key);
        const auto first = layers_.lower_bound(path);
        if (first == layers_.end() || first->first.compare(0, path.size(), path) != 0) continue;
        auto changed = std::make_shared<Graph>(**body);
        Rewrite(path, *changed);
        StoreCodes(path, *changed);
        *body = std::move(changed);
      }
    }
  }

 private:
  void StoreCodes(const std::string& path, Graph& body) const {
    std::vector<Node> nodes;
    std::set<std::string> replaced;
    for (Node& node : body.nodes) {
      const auto layer = layers_.find(path + node.name);
      if (layer != layers_.end()) {
        for (const PlannedWeight& weight : layer->second->weights) {
          replaced.insert(weight.initializer);
          nodes.push_back(Dequantized(path, weight, node, body));
        }
      }
      nodes.push_back(std::move(node));
    }
    body.nodes = std::move(nodes);
    DropUnread(replaced, body);
  }

  // The node that dequantizes the weight, which `node` reads from now on. Names carry the path: one name may not mean two
  // tensors, not even in graphs around each other.
  Node Dequantized(const std::string& path, const PlannedWeight& weight, Node& node, Graph& body) const {
    const CodedTensor& coded = quantization_.body_weights.at({path + node.name, weight.input});
    const std::string base = absl::StrCat(path, node.name, "/", weight.initializer);
    const std::string codes = FreshTensorName(body, base + "_quantized");
    const std::string scale = FreshTensorName(body, base + "_scale");
    const std::string zero_point = FreshTensorName(body, base + "_zero_point");
    body.initializers[codes] = coded.codes;
    body.initializers[scale] = coded.code.scale;
    body.initializers[zero_point] = coded.code.zero_point;
    Node dequantize{.name = base + "_dequantized_node",
                    .op_type = "DequantizeLinear",
                    .inputs = {codes, scale, zero_point},
                    .outputs = {FreshTensorName(body, base + "_dequantized")}};
    if (coded.code.scale.rank() > 0) dequantize.attributes["axis"] = int64_t{coded.axis};
    if (coded.block_size > 0) dequantize.attributes["block_size"] = coded.block_size;
    node.inputs[weight.input] = dequantize.outputs[0];
    return dequantize;
  }

  static void DropUnread(const std::set<std::string>& replaced, Graph& body) {
    std::set<std::string> read;
    for (const Node& node : body.nodes) {
      read.insert(node.inputs.begin(), node.inputs.end());
      for (const std::string& name : CapturedBy(node)) read.insert(name);
    }
    for (const ValueInfo& output : body.outputs) read.insert(output.name);
    for (const std::string& name : replaced) {
      if (read.count(name) == 0) body.initializers.erase(name);
    }
  }

  const Quantization& quantization_;
  std::map<std::string, const PlannedLayer*> layers_;
};

}  // namespace

std::vector<BodyLayer> FindBodyLayers(const Graph& graph) {
  std::vector<BodyLayer> found;
  FindIn(graph, "", found);
  return found;
}

void QuantizeBodies(const std::vector<BodyLayer>& layers, const Quantization& quantization, Graph& graph) {
  if (!layers.empty()) BodyWriter(layers, quantization).Rewrite("", graph);
}

}  // namespace quantd
