// Cutting and joining tensors of any element type but the packed ones, strings too.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"

namespace quantd {

// Positions [begin, begin + count) along `axis`. REQUIRES: an array that is not packed, all in range.
Tensor SliceAlong(const Tensor& tensor, size_t axis, int64_t begin, int64_t count);

// `tensors` one behind the other along `axis`. REQUIRES: at least one; axis < rank.
// Errors: INVALID_ARGUMENT, reason BAD_SHAPE, when types or other extents differ, a type is packed, or the result is too
// large.
absl::StatusOr<Tensor> JoinAlong(const std::vector<Tensor>& tensors, size_t axis);

}  // namespace quantd
