// Weights as codes.
#pragma once

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"
#include "worker/methods/recipe.h"
#include "worker/quantize/qdq_builder.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// The bias that integer sums add as int32 codes with scale = activation scale x weight scale.
struct IntegerBias {
  const Tensor* values = nullptr;  // [channels] of the output; null where there is none.
  double activation_scale = 0;
};

// `weight` by the recipe, one code a channel of weight.axis, one a block of weight.input_axis, or one for all. Where the
// weight has no axis for blocks, one a channel. Scales are large enough for the codes of
// `bias` to fit into int32.
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_WEIGHT, naming the initializer. REQUIRES: a recipe that CheckRecipe() passes.
absl::StatusOr<CodedTensor> CodeWeight(const Tensor& values, const PlannedWeight& weight,
                                       const TensorRecipe& recipe, const IntegerBias& bias);

}  // namespace quantd
