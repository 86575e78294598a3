// Indices that a tensor holds, checked.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

// The indices of an int32 or int64 tensor into an axis of `extent`, each in [0, extent); negative ones count from the
// end. Errors: BAD_INDEX, UNSUPPORTED_TYPE.
absl::StatusOr<std::vector<int64_t>> CheckedIndices(const Tensor& tensor, int64_t extent);

// Where elements of `indices` point when all its axes but `axis` are also those of a tensor of `shape`: offsets into that
// tensor, one an index, in order. Errors: BAD_SHAPE when the ranks differ or an axis is longer than the tensor's,
// BAD_INDEX, UNSUPPORTED_TYPE.
absl::StatusOr<std::vector<int64_t>> OffsetsAlongAxis(const Tensor& indices, const Shape& shape, size_t axis);

// Each row of the last axis of `indices` points at a slice of a tensor of `shape`, within the entry of the first
// `batch_axes` axes that it stands in.
struct SliceOffsets {
  std::vector<int64_t> offsets;  // In elements, one a row.
  int64_t slice = 1;             // Elements of a slice.
  Shape slice_shape;
};

// Errors: BAD_SHAPE when the shapes do not fit, BAD_INDEX, UNSUPPORTED_TYPE.
absl::StatusOr<SliceOffsets> OffsetsOfSlices(const Tensor& indices, const Shape& shape, size_t batch_axes);

}  // namespace quantd::cpu
