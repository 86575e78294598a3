// Copies of a tensor seen through other strides: transposed, sliced, repeated.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "worker/backend/backend.h"

namespace quantd::cpu {

// The tensor of `shape` whose element at a position is x's element number begin + sum(position * strides), with one
// stride an axis of `shape`. Shares the bytes of x where nothing moves. Any type of fixed size.
//
// REQUIRES: every element lies within x. Errors: BAD_SHAPE when it is too large, UNSUPPORTED_TYPE.
absl::StatusOr<Tensor> CopyStrided(const Tensor& x, int64_t begin, const Shape& shape,
                                   const std::vector<int64_t>& strides, Outputs& outputs);

// `count` elements of `width` bytes, each a copy of the one at `value`.
void FillElements(void* to, int64_t count, const void* value, size_t width);

}  // namespace quantd::cpu
