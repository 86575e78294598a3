#include "worker/quantize/layer_rules.h"

#include <fnmatch.h>

#include "absl/strings/str_cat.h"
#include "common/error.h"

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
  bool weight = false;
  bool activation = false;
};

// A later rule wins. One that only sets components says nothing about exclusion.
bool ExcludedAfter(const LayerRule& rule, bool before) { return rule.SetsComponents() ? before : rule.exclude; }

std::string Patterns(const LayerRule& rule) {
  return absl::StrCat("(op_type '", rule.op_type, "', node_name '", rule.node_name, "')");
}

// What is wrong with a rule, or nothing.
void Judge(const LayerRule& rule, const Use& use, size_t layers, const std::string& field,
           std::vector<FieldViolation>& violations) {
  if (!use.node) {
    violations.push_back({field, absl::StrCat("matches none of the ", layers, " layers that can be quantized ",
                                              Patterns(rule))});
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
    Judge(recipe.rules[i], uses[i], layers.size(), absl::StrCat("recipe.rules[", i, "]"), violations);
  }
  if (!violations.empty()) return InvalidFields("RULE_MATCHES_NOTHING", violations);
  return excluded;
}

int ActivationRuleOf(const Recipe& recipe, const PlannedLayer& layer) {
  int last = -1;
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    const LayerRule& rule = recipe.rules[i];
    if (rule.activation != TensorRecipe() && Matches(rule, layer.op_type, layer.node)) last = static_cast<int>(i);
  }
  return last;
}

}  // namespace quantd
