#include "worker/quantize/layer_rules.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

bool MatchesPattern(const std::string& pattern, const std::string& text) {
  return pattern.empty() || ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool Matches(const LayerRule& rule, const std::string& op_type, const std::string& node) {
  return MatchesPattern(rule.op_type, op_type) && MatchesPattern(rule.node_name, node);
}

// What the matches of one rule had in common with what it sets.
struct Use {
  bool node = false;
  bool kept = false;  // Not all matches are excluded.
  bool weight = false;
  bool activation = false;
};

// A later rule wins. One that only sets components says nothing about exclusion.
bool ExcludedAfter(const LayerRule& rule, bool before) { return rule.SetsComponents() ? before : rule.exclude; }

std::string Patterns(const LayerRule& rule) {
  std::vector<std::string> patterns;
  if (!rule.op_type.empty()) patterns.push_back(absl::StrCat("op_type '", rule.op_type, "'"));
  if (!rule.node_name.empty()) patterns.push_back(absl::StrCat("node_name '", rule.node_name, "'"));
  return absl::StrCat("(", patterns.empty() ? "any node" : absl::StrJoin(patterns, ", "), ")");
}

std::string TypesOf(const std::vector<PlannedLayer*>& layers) {
  std::set<std::string> types;
  for (const PlannedLayer* layer : layers) types.insert(layer->op_type);
  return absl::StrJoin(types, ", ");
}

// What is wrong with a rule, or nothing.
void Judge(const LayerRule& rule, const Use& use, const std::vector<PlannedLayer*>& layers, const std::string& field,
           std::vector<FieldViolation>& violations) {
  if (!use.node) {
    violations.push_back({field, absl::StrCat("matches none of the ", layers.size(), " layers that can be quantized ",
                                              Patterns(rule), ", which are of type ", TypesOf(layers))});
    return;
  }
  if (rule.SetsComponents() && !use.kept) {
    violations.push_back({field, absl::StrCat("sets components of nodes that other rules exclude ", Patterns(rule),
                                              "; a rule that neither excludes nor sets anything takes an exclusion back")});
    return;
  }
  if (rule.weight != TensorRecipe() && !use.weight) {
    violations.push_back({field + ".weight", absl::StrCat("none of the nodes that the rule matches has a weight ",
                                                          Patterns(rule))});
  }
  if (rule.activation != TensorRecipe() && !use.activation) {
    violations.push_back({field + ".activation",
                          absl::StrCat("none of the layers that the rule matches reads an activation as codes ",
                                       Patterns(rule))});
  }
}

}  // namespace

absl::StatusOr<std::set<std::string>> ApplyRules(const Recipe& recipe, const std::vector<const Node*>& others,
                                                 const std::vector<PlannedLayer*>& layers) {
  std::vector<Use> uses(recipe.rules.size());
  for (PlannedLayer* planned : layers) {
    PlannedLayer& layer = *planned;
    layer.weight_recipe = recipe.weight;
    layer.activation_recipe = recipe.activation;
    for (size_t i = 0; i < recipe.rules.size(); ++i) {
      const LayerRule& rule = recipe.rules[i];
      if (!Matches(rule, layer.op_type, layer.node)) continue;
      uses[i].node = true;
      uses[i].weight |= !layer.weights.empty();
      uses[i].activation |= !layer.activations.empty();
      layer.excluded = ExcludedAfter(rule, layer.excluded);
      Override(rule.weight, layer.weight_recipe);
      Override(rule.activation, layer.activation_recipe);
    }
    for (size_t i = 0; i < recipe.rules.size(); ++i) {
      if (!layer.excluded && Matches(recipe.rules[i], layer.op_type, layer.node)) uses[i].kept = true;
    }
  }
  std::set<std::string> excluded;
  for (const Node* node : others) {
    bool is_excluded = false;
    for (size_t i = 0; i < recipe.rules.size(); ++i) {
      if (!Matches(recipe.rules[i], node->op_type, node->name)) continue;
      uses[i].node = true;
      is_excluded = ExcludedAfter(recipe.rules[i], is_excluded);
    }
    if (is_excluded) excluded.insert(node->name);
  }
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < uses.size(); ++i) {
    Judge(recipe.rules[i], uses[i], layers, absl::StrCat("recipe.rules[", i, "]"), violations);
  }
  if (!violations.empty()) return InvalidFields("RULE_MATCHES_NOTHING", violations);
  return excluded;
}

int LastRuleFor(const PlannedLayer& layer, const Recipe& recipe, TensorRecipe LayerRule::* part) {
  int last = -1;
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    const LayerRule& rule = recipe.rules[i];
    if (rule.*part != TensorRecipe() && Matches(rule, layer.op_type, layer.node)) last = static_cast<int>(i);
  }
  return last;
}

std::string FieldOf(const PlannedLayer& layer, const Recipe& recipe, TensorRecipe LayerRule::* part) {
  const int rule = LastRuleFor(layer, recipe, part);
  const absl::string_view name = part == &LayerRule::weight ? "weight" : "activation";
  return rule < 0 ? absl::StrCat("recipe.", name) : absl::StrCat("recipe.rules[", rule, "].", name);
}

absl::Status CheckMergedRecipes(const Recipe& recipe, const QuantizationPlan& plan) {
  std::vector<std::pair<TensorRecipe, TensorRecipe>> passed = {{recipe.weight, recipe.activation}};
  const auto check = [&](const PlannedLayer& layer, bool stores_only) {
    if (layer.excluded) return absl::OkStatus();
    // A recipe without a format is one that rules left incomplete.
    const bool applies = layer.dynamic || !layer.activations.empty() || layer.activation_recipe.format.id.empty();
    const TensorRecipe activation = applies && !stores_only ? layer.activation_recipe : TensorRecipe();
    const std::pair both(layer.weight_recipe, activation);
    if (std::find(passed.begin(), passed.end(), both) != passed.end()) return absl::OkStatus();
    const absl::Status status =
        CheckLayerRecipe(layer.weight_recipe, FieldOf(layer, recipe, &LayerRule::weight), activation,
                         FieldOf(layer, recipe, &LayerRule::activation));
    passed.push_back(both);
    return Annotate(status, absl::StrCat("layer '", layer.node, "'"));
  };
  for (const PlannedLayer& layer : plan.layers) RETURN_IF_ERROR(check(layer, /*stores_only=*/false));
  for (const BodyLayer& body : plan.body_layers) RETURN_IF_ERROR(check(body.layer, /*stores_only=*/true));
  return absl::OkStatus();
}

}  // namespace quantd
