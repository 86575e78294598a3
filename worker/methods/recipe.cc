#include "worker/methods/recipe.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quantd {
namespace {

std::string Describe(const ParamValue& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, bool>) {
          return held ? "true" : "false";
        } else {
          return absl::StrCat(held);
        }
      },
      value);
}

std::string Describe(const Component& component) {
  if (component.params.empty()) return component.id;
  return absl::StrCat(component.id, "(",
                      absl::StrJoin(component.params, ", ",
                                    [](std::string* out, const auto& param) {
                                      absl::StrAppend(out, param.first, "=",
                                                      Describe(param.second));
                                    }),
                      ")");
}

std::string Describe(const TensorRecipe& recipe) {
  return absl::StrCat(Describe(recipe.format), " ", Describe(recipe.granularity), " ",
                      Describe(recipe.range));
}

}  // namespace

void Override(const TensorRecipe& with, TensorRecipe& into) {
  if (!with.format.id.empty()) into.format = with.format;
  if (!with.granularity.id.empty()) into.granularity = with.granularity;
  if (!with.range.id.empty()) into.range = with.range;
  if (!with.rounding.id.empty()) into.rounding = with.rounding;
}

std::string DescribeRecipe(const Recipe& recipe) {
  std::vector<std::string> parts;
  for (const Component& transform : recipe.transforms) parts.push_back(Describe(transform));
  parts.push_back("weights " + Describe(recipe.weight));
  parts.push_back(recipe.activation == TensorRecipe() ? "activations in full precision"
                                                      : "activations " + Describe(recipe.activation));
  if (!recipe.placement.id.empty()) parts.push_back("placement " + Describe(recipe.placement));
  for (const Component& one : recipe.compensations) parts.push_back(Describe(one));
  for (const Component& one : recipe.recoveries) parts.push_back(Describe(one));
  const size_t rules = recipe.rules.size();
  if (rules > 0) parts.push_back(absl::StrCat(rules, rules == 1 ? " rule" : " rules"));
  return absl::StrJoin(parts, ", ");
}

}  // namespace quantd
