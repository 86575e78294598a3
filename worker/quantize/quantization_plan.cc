#include "worker/quantize/quantization_plan.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/methods/range/registry.h"
#include "worker/quantize/layer_rules.h"
#include "worker/quantize/op_roles.h"
#include "worker/quantize/place_codes.h"
#include "worker/quantize/plan_layers.h"
#include "worker/quantize/quantize_bodies.h"

namespace quantd {
namespace {

constexpr char kInputsOnly[] = "inputs_only";

// Turns the placement's groups of names into groups with recipes and ranges.
class GroupPlanner {
 public:
  GroupPlanner(const Graph& graph, const Recipe& recipe, const std::vector<PlannedLayer>& layers,
               const Placement& placement)
      : graph_(graph), index_(graph), recipe_(recipe), layers_(layers), placement_(placement) {
    for (size_t i = 0; i < placement.groups.size(); ++i) {
      for (const std::string& tensor : placement.groups[i]) group_of_[tensor] = i;
    }
  }

  absl::StatusOr<std::vector<CodeGroup>> Run() {
    for (const Node& node : graph_.nodes) NoteKnown(node);
    std::vector<CodeGroup> groups;
    for (const std::vector<std::string>& tensors : placement_.groups) {
      CodeGroup group{.tensors = tensors, .recipe = MakersRecipe(tensors)};
      for (const std::string& tensor : tensors) {
        if (!CountsForCode(tensor)) continue;
        group.observed.push_back(tensor);
        const auto known = known_.find(tensor);
        if (known != known_.end()) group.known.insert(*known);
      }
      groups.push_back(std::move(group));
    }
    ReadersRecipes(groups);
    if (!violations_.empty()) return InvalidFields("CONTRADICTORY_RULES", violations_);
    return groups;
  }

 private:
  bool HandsOn(const Node& node) const {
    return placement_.nodes.count(node.name) > 0 && RoleOf(graph_, node) == CodeRole::kCarry;
  }

  bool CountsForCode(const std::string& tensor) const {
    const std::vector<const Node*>& readers = index_.Consumers(tensor);
    return index_.IsGraphOutput(tensor) || readers.empty() ||
           std::any_of(readers.begin(), readers.end(), [&](const Node* reader) { return !HandsOn(*reader); });
  }

  // Follows the flow: what carries values on carries their range on, too.
  void NoteKnown(const Node& node) {
    std::optional<ClipRange> range = KnownRange(node);
    if (RoleOf(graph_, node) == CodeRole::kCarry) {
      for (const size_t i : ValueInputs(node)) {
        const auto it = i < node.inputs.size() ? known_.find(node.inputs[i]) : known_.end();
        if (it == known_.end()) return;
        range = range ? ClipRange{std::min(range->lower, it->second.lower), std::max(range->upper, it->second.upper)}
                      : it->second;
      }
    }
    if (!range) return;
    for (const std::string& output : node.outputs) known_[output] = *range;
  }

  // Where no layer reads a code, the layer that writes it decides.
  TensorRecipe MakersRecipe(const std::vector<std::string>& tensors) const {
    for (const std::string& tensor : tensors) {
      const Node* maker = index_.Producer(tensor);
      if (maker != nullptr && RoleOf(graph_, *maker) == CodeRole::kActivation) {
        maker = index_.Producer(maker->inputs[0]);
      }
      for (const PlannedLayer& layer : layers_) {
        if (maker != nullptr && layer.node == maker->name && !layer.excluded) return layer.activation_recipe;
      }
    }
    return recipe_.activation;
  }

  // The layers that read a code decide what it is, and must agree.
  void ReadersRecipes(std::vector<CodeGroup>& groups) {
    std::map<size_t, const PlannedLayer*> first;
    for (const PlannedLayer& layer : layers_) {
      if (layer.excluded) continue;
      for (const std::string& tensor : layer.activations) {
        const size_t group = group_of_.at(tensor);
        const auto [it, is_first] = first.emplace(group, &layer);
        if (is_first) groups[group].recipe = layer.activation_recipe;
        if (it->second->activation_recipe != layer.activation_recipe) Contradict(tensor, *it->second, layer);
      }
    }
  }

  void Contradict(const std::string& tensor, const PlannedLayer& a, const PlannedLayer& b) {
    const int rule = std::max(LastRuleFor(a, recipe_, &LayerRule::activation),
                              LastRuleFor(b, recipe_, &LayerRule::activation));
    violations_.push_back(
        {absl::StrCat("recipe.rules[", rule, "].activation"),
         absl::StrCat("layers '", a.node, "' and '", b.node, "' read one code (tensor '", tensor,
                      "') but get different recipes for it, ", a.activation_recipe.format.id, " ",
                      a.activation_recipe.range.id, " and ", b.activation_recipe.format.id, " ",
                      b.activation_recipe.range.id, "; let the rule match both, or exclude one")});
  }

  const Graph& graph_;
  const GraphIndex index_;
  const Recipe& recipe_;
  const std::vector<PlannedLayer>& layers_;
  const Placement& placement_;
  std::map<std::string, size_t> group_of_;
  std::map<std::string, ClipRange> known_;
  std::vector<FieldViolation> violations_;
};

std::vector<const Node*> PlacedNodes(const Graph& graph, const Placement& placement) {
  std::vector<const Node*> nodes;
  for (const Node& node : graph.nodes) {
    if (placement.nodes.count(node.name) > 0) nodes.push_back(&node);
  }
  return nodes;
}

bool IsAtRunTime(const Component& range) {
  return std::any_of(range::All().begin(), range::All().end(), [&](const RangeInfo* info) {
    return info->at_run_time && info->method.id == range.id;
  });
}

// Whether MatMulInteger can take the place of the layer: a product with one matrix, and nothing else.
bool IsPlainProduct(const Graph& graph, const PlannedLayer& layer) {
  if (layer.weights.size() != 1 || layer.weights[0].input != 1 || layer.channels == 0) return false;
  if (layer.op_type == "MatMul") return true;
  if (layer.op_type != "Gemm") return false;
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                 [&](const Node& one) { return one.name == layer.node; });
  return node->Int("transA", 0) == 0 && node->Float("alpha", 1) == 1 && node->Float("beta", 1) == 1;
}

// A recipe without an activation format stores weights only; what has none then is nothing to quantize. Codes made at run
// time need no place in the plan.
void DropActivations(const Graph& graph, std::vector<PlannedLayer>& layers) {
  for (PlannedLayer& layer : layers) {
    const bool at_run_time = IsAtRunTime(layer.activation_recipe.range);
    layer.dynamic = at_run_time && !layer.excluded && IsPlainProduct(graph, layer);
    if (at_run_time || layer.activation_recipe.format.id.empty()) layer.activations.clear();
  }
  layers.erase(std::remove_if(layers.begin(), layers.end(),
                              [](const PlannedLayer& layer) {
                                return layer.weights.empty() && layer.activations.empty();
                              }),
               layers.end());
}

}  // namespace

absl::StatusOr<QuantizationPlan> PlanQuantization(const Graph& graph, const Recipe& recipe) {
  QuantizationPlan plan{.layers = FindLayers(graph)};
  const bool fused = recipe.placement.id != kInputsOnly;
  // Rules may name what would become a code without them.
  const Placement widest = fused ? PlaceFused(graph, plan.layers, {}) : PlaceInputs(graph, plan.layers);
  plan.body_layers = FindBodyLayers(graph);
  std::vector<PlannedLayer*> layers;
  for (PlannedLayer& layer : plan.layers) layers.push_back(&layer);
  for (BodyLayer& body : plan.body_layers) layers.push_back(&body.layer);
  ASSIGN_OR_RETURN(const std::set<std::string> excluded,
                   ApplyRules(recipe, PlacedNodes(graph, widest), layers));
  DropActivations(graph, plan.layers);
  RETURN_IF_ERROR(CheckMergedRecipes(recipe, plan));
  const Placement placement =
      fused ? PlaceFused(graph, plan.layers, excluded) : PlaceInputs(graph, plan.layers);
  ASSIGN_OR_RETURN(plan.groups, GroupPlanner(graph, recipe, plan.layers, placement).Run());
  plan.reads = placement.reads;
  plan.replaced = placement.replaced;
  return plan;
}

std::vector<std::string> TensorsToObserve(const QuantizationPlan& plan) {
  std::vector<std::string> tensors;
  for (const CodeGroup& group : plan.groups) {
    tensors.insert(tensors.end(), group.observed.begin(), group.observed.end());
  }
  return tensors;
}

bool QuantizesAnything(const QuantizationPlan& plan) {
  return std::any_of(plan.layers.begin(), plan.layers.end(),
                     [](const PlannedLayer& layer) { return !layer.excluded; }) ||
         std::any_of(plan.body_layers.begin(), plan.body_layers.end(),
                     [](const BodyLayer& body) { return !body.layer.excluded; });
}

}  // namespace quantd
