// The forms in which a quantized model can be written, and which recipes fit each of them: data that the catalogue
// announces, so that a spec is checked before any work begins. worker/quantize/lower_model.h writes them.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/methods/recipe.h"

namespace quantd {

// One component of a recipe must, or must not, be among some.
struct RecipeCondition {
  std::string field;             // "weight.granularity": a tensor recipe and one of its four components.
  std::vector<std::string> ids;  // "" stands for an absent component.
  bool allowed = true;           // Whether `ids` are the only ones that fit, or the only ones that do not.
};

struct ExportFormInfo {
  std::string id;  // "onnx_qdq"
  std::string summary;
  std::vector<RecipeCondition> conditions;  // All must hold.
};

// In order of preference. Live for ever.
absl::Span<const ExportFormInfo> ExportForms();

// Null when there is none of that id.
const ExportFormInfo* FindExportForm(absl::string_view id);

// Why the form cannot hold what the recipe makes, as a clause; empty when it can.
std::string MisfitOf(const ExportFormInfo& form, const Recipe& recipe);

// Why the form cannot hold one layer, whose recipe rules changed; empty when it can. Conditions on what a form is for hold for
// the recipe as a whole: a layer may be written in another way.
std::string LayerMisfitOf(const ExportFormInfo& form, const TensorRecipe& weight, const TensorRecipe& activation);

// The first form that fits.
const ExportFormInfo& DefaultExportForm(const Recipe& recipe);

}  // namespace quantd
