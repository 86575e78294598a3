// The MaxPool that the fast one leaves out: with positions of the maxima, or over 8-bit integers.
#pragma once

#include "absl/status/status.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// Runs the MaxPool `node` over a float, int8 or uint8 tensor [N, C, ...] of one to three spatial axes. The second output,
// where the node has it, holds int64 positions in the flat input (-1 for a window of nothing but padding), counted
// column-major within each plane when storage_order is 1.
//
// Errors: INVALID_ARGUMENT, reason BAD_SHAPE, BAD_ATTRIBUTE or UNSUPPORTED_TYPE.
absl::Status RunIndexedMaxPool(const Node& node, const Inputs& inputs, Outputs& outputs);

}  // namespace quantd::cpu
