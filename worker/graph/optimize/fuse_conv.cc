#include "worker/graph/optimize/fuse_conv.h"

#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace quantd {
namespace {

struct MatchedActivation {
  std::string op_type;
  float alpha = 0;
  float beta = 0;
  std::string output;
  std::vector<std::string> nodes;  // Names of those that it replaces.
};

std::optional<float> ScalarBound(const Graph& graph, const Node& node, size_t index, float fallback) {
  if (index >= node.inputs.size() || node.inputs[index].empty()) return fallback;
  const auto it = graph.initializers.find(node.inputs[index]);
  if (it == graph.initializers.end() || it->second.dtype() != DataType::kFloat || it->second.size() != 1) {
    return std::nullopt;
  }
  return *it->second.data<float>();
}

std::optional<MatchedActivation> Match(const Graph& graph, const Node& node) {
  if (!node.domain.empty() || node.outputs.size() != 1) return std::nullopt;
  MatchedActivation fused{.op_type = node.op_type, .output = node.outputs[0], .nodes = {node.name}};
  if (node.Is("Relu") || node.Is("Sigmoid") || node.Is("Tanh") || node.Is("HardSwish")) return fused;
  if (node.Is("LeakyRelu")) {
    fused.alpha = node.Float("alpha", 0.01f);
    return fused;
  }
  if (node.Is("Elu")) {
    fused.alpha = node.Float("alpha", 1);
    return fused;
  }
  if (!node.Is("Clip")) return std::nullopt;
  // Up to opset 10 the bounds are attributes, later inputs; no node has both.
  const std::optional<float> lowest =
      ScalarBound(graph, node, 1, node.Float("min", std::numeric_limits<float>::lowest()));
  const std::optional<float> highest =
      ScalarBound(graph, node, 2, node.Float("max", std::numeric_limits<float>::max()));
  if (!lowest || !highest || !(*lowest <= *highest)) return std::nullopt;
  fused.alpha = *lowest;
  fused.beta = *highest;
  return fused;
}

// x * Sigmoid(x), both of which read `tensor` and nobody else does.
std::optional<MatchedActivation> MatchSilu(const std::string& tensor, const GraphIndex& index,
                                         const std::set<std::string>& keep) {
  const std::vector<const Node*>& readers = index.Consumers(tensor);
  if (readers.size() != 2) return std::nullopt;
  const bool first = readers[0]->Is("Sigmoid");
  const Node& sigmoid = *readers[first ? 0 : 1];
  const Node& product = *readers[first ? 1 : 0];
  if (!sigmoid.Is("Sigmoid") || !product.Is("Mul") || product.inputs.size() != 2) return std::nullopt;
  const std::string& gate = sigmoid.outputs[0];
  const bool multiplies = (product.inputs[0] == tensor && product.inputs[1] == gate) ||
                          (product.inputs[1] == tensor && product.inputs[0] == gate);
  if (!multiplies || index.Consumers(gate).size() != 1 || index.IsGraphOutput(gate) || keep.count(gate) > 0) {
    return std::nullopt;
  }
  return MatchedActivation{.op_type = "Silu",
                         .output = product.outputs[0],
                         .nodes = {sigmoid.name, product.name}};
}

}  // namespace

absl::Status FuseConvActivation(Graph& graph, const std::set<std::string>& keep) {
  const GraphIndex index(graph);
  std::set<std::string> dropped;
  std::map<std::string, MatchedActivation> fused;  // By the convolution's name.
  for (const Node& node : graph.nodes) {
    const bool convolution = node.Is("Conv") || (node.domain == "quantd" && node.op_type == "FusedConv" &&
                                                 !node.Has("activation"));
    if (!convolution) continue;
    const std::string& output = node.outputs[0];
    if (index.IsGraphOutput(output) || keep.count(output) > 0) continue;
    const std::vector<const Node*>& readers = index.Consumers(output);
    std::optional<MatchedActivation> match =
        readers.size() == 1 && readers[0]->inputs[0] == output ? Match(graph, *readers[0])
                                                               : MatchSilu(output, index, keep);
    if (!match) continue;
    dropped.insert(match->nodes.begin(), match->nodes.end());
    fused.emplace(node.name, *std::move(match));
  }

  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    if (dropped.count(node.name) > 0) continue;
    const auto it = fused.find(node.name);
    if (it != fused.end()) {
      node.domain = "quantd";
      node.op_type = "FusedConv";
      node.outputs[0] = it->second.output;
      node.attributes["activation"] = it->second.op_type;
      node.attributes["activation_alpha"] = it->second.alpha;
      node.attributes["activation_beta"] = it->second.beta;
    }
    nodes.push_back(std::move(node));
  }
  graph.nodes = std::move(nodes);
  return absl::OkStatus();
}

}  // namespace quantd
