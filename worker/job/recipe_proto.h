// Recipes and data descriptions between protobuf and the engine's plain structs. No checks of meaning:
// the plan does those.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/spec.pb.h"
#include "worker/io/data/data_spec.h"
#include "worker/methods/recipe.h"

namespace quantd {

v1::Recipe ToProto(const Recipe& recipe);

// Without looking up the preset; see ExpandRecipe().
Recipe FromProto(const v1::Recipe& proto);

// The preset's recipe with the fields that `proto` sets put in their place and its rules appended.
//
// Errors: INVALID_ARGUMENT, reason UNKNOWN_PRESET, field "spec.recipe.preset", listing those that exist.
absl::StatusOr<Recipe> ExpandRecipe(const v1::Recipe& proto);

DataSpec FromProto(const v1::DataInput& proto);

}  // namespace quantd
