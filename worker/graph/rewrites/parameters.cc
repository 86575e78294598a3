#include "worker/graph/rewrites/parameters.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

// Followers of one node fold one pass after the other. Real models have one, rarely two; without a bound a chain of n
// would take n passes over the graph.
constexpr int kPassesMax = 8;

// Where many nodes share weights, each that folds gets its own. That may multiply the model by this, and no more.
constexpr int64_t kGrowthMax = 4;

int64_t InitializerBytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : graph.initializers) bytes += static_cast<int64_t>(tensor.bytes());
  return bytes;
}

int64_t ParameterBytes(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  for (const std::string& input : node.inputs) {
    const auto it = graph.initializers.find(input);
    if (it != graph.initializers.end()) bytes += static_cast<int64_t>(it->second.bytes());
  }
  return bytes;
}

// One pass; returns whether anything folded.
bool FoldOnce(Graph& graph, const std::string& follower_type, bool (*fold)(FoldPair pair),
              int64_t& bytes_left) {
  const GraphIndex index(graph);
  std::set<const Node*> dropped;
  for (const Node& follower : graph.nodes) {
    if (!follower.Is(follower_type) || follower.outputs.empty()) continue;
    for (size_t slot = 0; slot < follower.inputs.size(); ++slot) {
      const std::string tensor = follower.inputs[slot];
      const Node* const producer = index.Producer(tensor);
      if (producer == nullptr || dropped.count(producer) > 0) continue;
      if (producer->outputs.size() != 1 || index.IsGraphOutput(tensor)) continue;
      if (index.Consumers(tensor).size() != 1) continue;
      // The index only lends const nodes; this one belongs to `graph`, which we may change.
      Node& linear = graph.nodes[static_cast<size_t>(producer - graph.nodes.data())];
      // A node that took over another follower's output in this pass waits for the next one.
      if (linear.outputs[0] != tensor) continue;
      const int64_t bytes = ParameterBytes(graph, linear);
      if (bytes > bytes_left || !fold({graph, index, linear, follower, slot})) continue;
      bytes_left -= bytes;
      linear.outputs[0] = follower.outputs[0];
      dropped.insert(&follower);
      break;
    }
  }
  if (dropped.empty()) return false;
  std::vector<Node> kept;
  kept.reserve(graph.nodes.size() - dropped.size());
  for (Node& node : graph.nodes) {
    if (dropped.count(&node) == 0) kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  return true;
}

}  // namespace

const Tensor* FloatParameter(const Graph& graph, const Node& node, size_t slot) {
  if (slot >= node.inputs.size()) return nullptr;
  const auto it = graph.initializers.find(node.inputs[slot]);
  if (it == graph.initializers.end() || it->second.dtype() != DataType::kFloat) return nullptr;
  return &it->second;
}

bool ChannelLayout::Of(const Graph& graph, const Node& node, ChannelLayout* layout) {
  const Tensor* const weights = FloatParameter(graph, node, 1);
  if (weights == nullptr || weights->size() == 0) return false;
  const int64_t total = weights->size();
  *layout = ChannelLayout();
  if (node.Is("Conv")) {
    if (weights->rank() < 3) return false;
    layout->channels_ = layout->group_channels_ = weights->dim(0);
    layout->inner_ = total / weights->dim(0);
    layout->outer_ = total;
  } else if (node.Is("ConvTranspose")) {
    // [C_in, C_out / groups, ...]: the rows of one group hold that group's output channels.
    const int64_t groups = node.Int("group", 1);
    if (weights->rank() < 3 || groups < 1 || weights->dim(0) % groups != 0) return false;
    layout->group_channels_ = weights->dim(1);
    layout->channels_ = weights->dim(1) * groups;
    layout->inner_ = total / weights->dim(0) / weights->dim(1);
    layout->outer_ = total / groups;
  } else if (node.Is("Gemm")) {
    if (weights->rank() != 2) return false;
    const bool transposed = node.Int("transB", 0) != 0;
    layout->channels_ = layout->group_channels_ = weights->dim(transposed ? 0 : 1);
    layout->inner_ = transposed ? weights->dim(1) : 1;
    layout->outer_ = total;
  } else {
    return false;
  }
  return true;
}

std::vector<double> ChannelBias(const Graph& graph, const Node& node, int64_t channels) {
  const auto count = static_cast<size_t>(channels);
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return std::vector<double>(count, 0.0);
  const Tensor* const bias = FloatParameter(graph, node, 2);
  if (bias == nullptr) return {};
  const float* const values = bias->data<float>();
  if (node.Is("Gemm")) {
    const double beta = node.Float("beta", 1.0f);
    if (bias->size() == 1) return std::vector<double>(count, beta * values[0]);
    if (bias->size() != channels || bias->shape().back() != channels) return {};
    std::vector<double> scaled(values, values + count);
    for (double& value : scaled) value *= beta;
    return scaled;
  }
  if (bias->shape() != Shape{channels}) return {};
  return std::vector<double>(values, values + count);
}

void SetParameter(Graph& graph, const GraphIndex& index, Node& node, size_t slot, Tensor tensor,
                  const std::string& base) {
  if (node.inputs.size() <= slot) node.inputs.resize(slot + 1);
  std::string& name = node.inputs[slot];
  const bool shared = index.Consumers(name).size() > 1 || index.IsGraphOutput(name) ||
                      std::count(node.inputs.begin(), node.inputs.end(), name) > 1;
  if (name.empty() || shared) name = FreshTensorName(graph, base);
  graph.initializers[name] = std::move(tensor);
}

void FoldFollowers(Graph& graph, const std::string& follower_type, bool (*fold)(FoldPair pair)) {
  int64_t bytes_left = kGrowthMax * InitializerBytes(graph);
  for (int pass = 0; pass < kPassesMax; ++pass) {
    if (!FoldOnce(graph, follower_type, fold, bytes_left)) break;
  }
  RemoveDeadNodes(graph);
}

}  // namespace quantd
