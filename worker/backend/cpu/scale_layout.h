// Which scale belongs to which element of a quantized tensor.
#pragma once

#include "absl/status/statusor.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

// The tensor as [outer, extent, inner] around the axis of its scales. With blocks, scales are [outer, blocks, inner].
struct ScaleLayout {
  enum class Granularity { kTensor, kAxis, kBlocks };
  Granularity granularity = Granularity::kTensor;
  int64_t outer = 1;
  int64_t extent = 1;
  int64_t inner = 1;
  int64_t block_size = 1;
  int64_t blocks = 1;

  // Calls visit(begin, length, index, stride) for consecutive runs of elements that cover the tensor in order: element
  // begin + i has scale index + i * stride.
  template <typename Visit>
  void ForEachRun(const Visit& visit) const {
    if (inner == 0) return;
    if (granularity == Granularity::kTensor) {
      visit(int64_t{0}, inner, int64_t{0}, int64_t{0});
      return;
    }
    if (granularity == Granularity::kAxis) {
      for (int64_t row = 0; row < outer * extent; ++row) {
        visit(row * inner, inner, row % extent, int64_t{0});
      }
      return;
    }
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t first = b * block_size;
        const int64_t length = block_size < extent - first ? block_size : extent - first;
        const int64_t index = (o * blocks + b) * inner;
        if (inner == 1) {
          visit(o * extent + first, length, index, int64_t{0});
          continue;
        }
        for (int64_t k = first; k < first + length; ++k) {
          visit((o * extent + k) * inner, inner, index, int64_t{1});
        }
      }
    }
  }
};

// One scale, one for each position of `axis` (a vector), or, with a block size above 0, one for each block: the tensor's
// shape with the extent of `axis` divided by the block size and rounded up.
//
// Errors: BAD_SHAPE when the scales have none of these shapes, BAD_ATTRIBUTE for an axis out of range.
// REQUIRES: block_size >= 0.
absl::StatusOr<ScaleLayout> LayoutOfScales(const Shape& shape, const Shape& scales, int64_t axis,
                                           int64_t block_size);

}  // namespace quantd::cpu
