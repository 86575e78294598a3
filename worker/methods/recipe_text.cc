#include "worker/methods/recipe_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quantd {
namespace {

std::string Text(const ParamValue& value) {
  struct Visitor {
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(int64_t number) const { return absl::StrCat(number); }
    std::string operator()(double number) const { return absl::StrCat(number); }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Visitor(), value);
}

std::string Text(const Component& component) {
  if (component.params.empty()) return component.id;
  std::vector<std::string> params;
  for (const auto& [name, value] : component.params) {
    params.push_back(absl::StrCat(name, "=", Text(value)));
  }
  return absl::StrCat(component.id, "(", absl::StrJoin(params, ", "), ")");
}

void Add(absl::string_view what, const TensorRecipe& recipe, std::vector<std::string>& parts) {
  std::vector<std::string> words;
  for (const Component* component :
       {&recipe.format, &recipe.granularity, &recipe.range, &recipe.rounding}) {
    // Rounding to nearest is what everybody expects.
    if (!component->id.empty() && component->id != "nearest") words.push_back(Text(*component));
  }
  if (!words.empty()) parts.push_back(absl::StrCat(what, " ", absl::StrJoin(words, " ")));
}

}  // namespace

std::string DescribeRecipe(absl::string_view preset, const Recipe& recipe) {
  std::vector<std::string> parts;
  for (const Component& component : recipe.transforms) parts.push_back(Text(component));
  Add("weights", recipe.weight, parts);
  Add("activations", recipe.activation, parts);
  for (const Component& component : recipe.compensations) parts.push_back(Text(component));
  if (!recipe.allocation.id.empty()) parts.push_back(Text(recipe.allocation));
  for (const Component& component : recipe.recoveries) parts.push_back(Text(component));
  if (!recipe.rules.empty()) parts.push_back(absl::StrCat(recipe.rules.size(), " layer rules"));
  return absl::StrCat(preset, preset.empty() ? "" : ": ", absl::StrJoin(parts, ", "));
}

}  // namespace quantd
