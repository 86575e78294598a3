#include "worker/quantize/place_codes.h"

#include <algorithm>
#include <map>

#include "worker/quantize/op_roles.h"

namespace quantd {
namespace {

std::map<std::string, const PlannedLayer*> QuantizedLayers(const std::vector<PlannedLayer>& layers) {
  std::map<std::string, const PlannedLayer*> quantized;
  for (const PlannedLayer& layer : layers) {
    if (!layer.excluded) quantized[layer.node] = &layer;
  }
  return quantized;
}

// The inputs of a layer that are computed at run time and become codes.
void AddReads(const Node& node, const PlannedLayer& layer, std::set<NodeInput>& reads) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool is_weight = std::any_of(layer.weights.begin(), layer.weights.end(),
                                       [&](const PlannedWeight& weight) { return weight.input == i; });
    const bool is_activation = std::count(layer.activations.begin(), layer.activations.end(), node.inputs[i]) > 0;
    if (is_activation && !is_weight) reads.insert({node.name, i});
  }
}

class FusedPlacement {
 public:
  FusedPlacement(const Graph& graph, const std::vector<PlannedLayer>& layers,
                 const std::set<std::string>& excluded)
      : graph_(graph), index_(graph), layers_(QuantizedLayers(layers)), excluded_(excluded) {}

  Placement Run() {
    for (const Node& node : graph_.nodes) StartFrom(node);
    for (const Node& node : graph_.nodes) NoteInteger(node);
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) Spread(*node);
    for (const Node& node : graph_.nodes) ReadReplaced(node);
    CollectGroups();
    return std::move(placement_);
  }

 private:
  CodeRole Role(const Node& node) const {
    return excluded_.count(node.name) > 0 ? CodeRole::kFloat : RoleOf(graph_, node);
  }

  // The tensor that becomes a code in the place of `tensor`: what a Relu or Clip makes of it where nothing else reads
  // it. Runtimes merge these into the QuantizeLinear behind them.
  std::string FusionPoint(const std::string& tensor) const {
    const std::vector<const Node*>& readers = index_.Consumers(tensor);
    const bool merges = readers.size() == 1 && !index_.IsGraphOutput(tensor) &&
                        Role(*readers[0]) == CodeRole::kActivation && readers[0]->inputs[0] == tensor;
    return merges ? readers[0]->outputs[0] : tensor;
  }

  // One that computes with codes; a Conv whose weight alone is stored as codes does not.
  bool IsConvolution(const Node& node) const {
    const auto layer = layers_.find(node.name);
    return node.Is("Conv") && layer != layers_.end() && !layer->second->activations.empty();
  }

  void StartFrom(const Node& node) {
    const auto layer = layers_.find(node.name);
    if (layer == layers_.end()) return;
    AddReads(node, *layer->second, placement_.reads);
    for (const std::string& tensor : layer->second->activations) coded_.insert(tensor);
  }

  bool ComesFromIntegers(const std::string& tensor) const {
    return coded_.count(tensor) > 0 || integer_.count(tensor) > 0;
  }

  // Follows the flow: what comes out of integer kernels, or could.
  void NoteInteger(const Node& node) {
    bool integer = IsConvolution(node);
    const CodeRole role = Role(node);
    if (!integer && role != CodeRole::kFloat && role != CodeRole::kFunction && layers_.count(node.name) == 0) {
      bool computed = false;
      integer = true;
      for (const size_t i : ValueInputs(node)) {
        if (i >= node.inputs.size()) continue;
        const bool constant = graph_.initializers.count(node.inputs[i]) > 0;
        computed |= !constant;
        integer &= constant || ComesFromIntegers(node.inputs[i]);
      }
      integer &= computed;
    }
    if (integer) integer_.insert(node.outputs.begin(), node.outputs.end());
  }

  // Goes against the flow: from an output that is a code to the inputs.
  void Spread(const Node& node) {
    const CodeRole role = Role(node);
    if (layers_.count(node.name) > 0 || node.outputs.empty()) return;
    if (role == CodeRole::kFunction && coded_.count(node.outputs[0]) > 0 && integer_.count(node.inputs[0]) > 0) {
      coded_.insert(node.inputs[0]);
    }
    const bool carries = role == CodeRole::kCarry &&
                         std::any_of(node.outputs.begin(), node.outputs.end(),
                                     [&](const std::string& output) { return coded_.count(output) > 0; });
    const bool computes = role == CodeRole::kInteger && integer_.count(node.outputs[0]) > 0 &&
                          coded_.count(FusionPoint(node.outputs[0])) > 0;
    if (!carries && !computes) return;
    placement_.nodes.insert(node.name);
    for (const size_t i : ValueInputs(node)) {
      if (i >= node.inputs.size()) continue;
      coded_.insert(node.inputs[i]);
      placement_.reads.insert({node.name, i});
      if (carries) Unite(node.inputs[i], node.outputs[0]);
    }
    for (const std::string& output : node.outputs) {
      if (!carries || output.empty()) continue;
      coded_.insert(output);
      Unite(output, node.outputs[0]);
    }
  }

  // Whether the kernel behind a code writes codes itself, so that nothing may read what lies before them.
  bool WritesCodes(const std::string& tensor) const {
    const Node* maker = index_.Producer(tensor);
    if (maker != nullptr && Role(*maker) == CodeRole::kActivation && FusionPoint(maker->inputs[0]) == tensor) {
      maker = index_.Producer(maker->inputs[0]);
    }
    if (maker == nullptr) return false;
    const auto layer = layers_.find(maker->name);
    if (layer == layers_.end()) return placement_.nodes.count(maker->name) > 0;
    return !layer->second->activations.empty();
  }

  // All readers of what an integer kernel writes read codes.
  void ReadReplaced(const Node& node) {
    for (const std::string& output : node.outputs) {
      if (coded_.count(output) > 0 && WritesCodes(output)) placement_.replaced.insert(output);
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (placement_.replaced.count(node.inputs[i]) > 0) placement_.reads.insert({node.name, i});
    }
  }

  const std::string& Root(const std::string& tensor) {
    auto it = parent_.find(tensor);
    while (it != parent_.end()) {
      const auto next = parent_.find(it->second);
      if (next == parent_.end()) return it->second;
      it->second = next->second;
      it = next;
    }
    return tensor;
  }

  void Unite(const std::string& a, const std::string& b) {
    const std::string root_a = Root(a), root_b = Root(b);
    if (root_a != root_b) parent_[root_a] = root_b;
  }

  void CollectGroups() {
    std::map<std::string, size_t> group_of;
    std::set<std::string> seen;
    const auto add = [&](const std::string& tensor) {
      if (coded_.count(tensor) == 0 || !seen.insert(tensor).second) return;
      const auto [it, is_new] = group_of.emplace(Root(tensor), placement_.groups.size());
      if (is_new) placement_.groups.emplace_back();
      placement_.groups[it->second].push_back(tensor);
    };
    for (const Node& node : graph_.nodes) {
      for (const std::string& tensor : node.inputs) add(tensor);
      for (const std::string& tensor : node.outputs) add(tensor);
    }
  }

  const Graph& graph_;
  const GraphIndex index_;
  const std::map<std::string, const PlannedLayer*> layers_;
  const std::set<std::string>& excluded_;
  std::set<std::string> coded_;    // Tensors that become codes.
  std::set<std::string> integer_;  // Tensors that come out of integer kernels if their readers want codes.
  std::map<std::string, std::string> parent_;  // Union-find over tensors of one code.
  Placement placement_;
};

}  // namespace

Placement PlaceInputs(const Graph& graph, const std::vector<PlannedLayer>& layers) {
  Placement placement;
  std::set<std::string> seen;
  const auto quantized = QuantizedLayers(layers);
  for (const Node& node : graph.nodes) {
    const auto layer = quantized.find(node.name);
    if (layer == quantized.end()) continue;
    AddReads(node, *layer->second, placement.reads);
    for (const std::string& tensor : layer->second->activations) {
      if (seen.insert(tensor).second) placement.groups.push_back({tensor});
    }
  }
  return placement;
}

Placement PlaceFused(const Graph& graph, const std::vector<PlannedLayer>& layers,
                     const std::set<std::string>& excluded) {
  return FusedPlacement(graph, layers, excluded).Run();
}

}  // namespace quantd
