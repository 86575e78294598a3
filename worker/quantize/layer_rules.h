// The rules of a recipe, applied to the nodes of a graph.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/methods/recipe.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// Gives every layer its recipe and its exclusion. `others` are names of nodes that are no layers but read and make
// codes: rules may exclude them too. Returns those that are excluded.
//
// Errors: as PlanQuantization(), RULE_MATCHES_NOTHING.
absl::StatusOr<std::set<std::string>> ApplyRules(const Recipe& recipe, const std::vector<const Node*>& others,
                                                 const std::vector<PlannedLayer*>& layers);

// The last rule that says how the layer's weights (`part` &LayerRule::weight) or activations become codes; -1 when none does.
int LastRuleFor(const PlannedLayer& layer, const Recipe& recipe, TensorRecipe LayerRule::* part);

// Where that comes from: "recipe.rules[2].weight", or "recipe.weight" when no rule says anything.
std::string FieldOf(const PlannedLayer& layer, const Recipe& recipe, TensorRecipe LayerRule::* part);

// What the rules made of the recipes of layers that are not excluded: whole, and weights and activations fit together.
//
// Errors: as CheckRecipe(), naming a layer.
absl::Status CheckMergedRecipes(const Recipe& recipe, const QuantizationPlan& plan);

}  // namespace quantd
