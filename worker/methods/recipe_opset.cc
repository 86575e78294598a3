#include "worker/methods/recipe_opset.h"

#include <algorithm>

#include "worker/methods/code_format.h"

namespace quantd {
namespace {

constexpr int64_t kPerAxisOpset = 13;
constexpr int64_t kBlocksOpset = 21;

int64_t LowestOpset(const TensorRecipe& recipe) {
  if (recipe.granularity.id == "per_block") return kBlocksOpset;
  const IntFormat* format = FindIntFormat(recipe.format.id);
  if (format == nullptr) return kPerAxisOpset;
  return LowestOpset(*format) > kPerAxisOpset ? kBlocksOpset : kPerAxisOpset;
}

}  // namespace

int64_t LowestOpset(const Recipe& recipe) {
  int64_t opset = std::max(LowestOpset(recipe.weight), LowestOpset(recipe.activation));
  for (const LayerRule& rule : recipe.rules) {
    opset = std::max({opset, LowestOpset(rule.weight), LowestOpset(rule.activation)});
  }
  return opset;
}

}  // namespace quantd
