// Which version of the default operator set a recipe's results need.
#pragma once

#include <cstdint>

#include "worker/methods/recipe.h"

namespace quantd {

// 13 (one scale a channel), or 21 where the recipe or one of its rules stores weights in blocks, or codes of 2, 4 or 16
// bits or of float8.
// REQUIRES: CheckRecipe(recipe) is OK.
int64_t LowestOpset(const Recipe& recipe);

}  // namespace quantd
