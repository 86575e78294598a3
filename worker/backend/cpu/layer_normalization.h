// LayerNormalization in full generality: the forms that the fast kernel leaves out come here.
#pragma once

#include "absl/status/status.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// Normalizes the axes from `axis` on of a float tensor. Scale (input 1) and bias (input 2, optional) are broadcast to the
// input. The second and third output, where the node has them, are the mean and the inverse deviation, with extents of 1 in
// the normalized axes.
//
// Errors: INVALID_ARGUMENT, reason BAD_SHAPE, BAD_ATTRIBUTE or UNSUPPORTED_TYPE.
absl::Status RunLayerNormalization(int64_t axis, double epsilon, const Inputs& inputs, Outputs& outputs);

}  // namespace quantd::cpu
