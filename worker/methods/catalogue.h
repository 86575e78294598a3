// What this engine can do, as data: announced to the server, printed by clients, and the measure of every recipe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/methods/method_info.h"
#include "worker/methods/recipe.h"

namespace quantd {

// Part of every result's identity: results of different engine versions are never taken for each other.
inline constexpr char kEngineVersion[] = "0.3.0";

struct PresetInfo {
  std::string id;
  std::string summary;
  Recipe recipe;
};

struct ExportFormInfo;

struct Catalogue {
  std::vector<MethodInfo> methods;  // By axis, then id.
  std::vector<const PresetInfo*> presets;
  std::vector<std::string> devices;
  std::vector<std::string> model_formats;
  std::vector<const ExportFormInfo*> export_forms;
};

Catalogue MakeCatalogue();

// Everything wrong with a recipe, in one INVALID_ARGUMENT. Fields are spelled "recipe.activation.range.id".
// Reasons: UNKNOWN_METHOD, INAPPLICABLE_METHOD (there is one, but it does not go here), UNKNOWN_PARAMETER, PARAMETER_OUT_OF_RANGE,
// INCOMPLETE_RECIPE, CONTRADICTORY_RULES; the first problem's counts.
absl::Status CheckRecipe(const Recipe& recipe);

// The same for what one layer gets after all rules, which may not fit together although each rule is well-formed. The fields say
// where its components come from: "recipe.rules[2].weight".
absl::Status CheckLayerRecipe(const TensorRecipe& weight, const std::string& weight_field, const TensorRecipe& activation,
                              const std::string& activation_field);

}  // namespace quantd
