// A recipe in one line, for people. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "worker/methods/recipe.h"

namespace quantd {

// "w8a8-mse: weights int8_sym per_channel mse, activations uint8_asym per_tensor mse,
// bias_correction". A parameter that differs from its default stands behind its component,
// "percentile(percentile=99.9)". `preset` may be empty.
std::string DescribeRecipe(absl::string_view preset, const Recipe& recipe);

}  // namespace quantd
