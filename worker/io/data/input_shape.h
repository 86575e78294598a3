// Whether rows fit a model's input.
#pragma once

#include "worker/graph/graph.h"

namespace quantd {

// Whether a batch of such rows can be fed. Axis 0 of the input is the batch and accepts any number;
// unknown extents, and an input without a shape, accept anything.
inline bool FitsInput(const Shape& row_shape, const ValueInfo& input) {
  if (!input.has_shape) return true;
  if (row_shape.size() + 1 != input.shape.size()) return false;
  for (size_t i = 0; i < row_shape.size(); ++i) {
    const int64_t extent = input.shape[i + 1].extent;
    if (extent >= 0 && extent != row_shape[i]) return false;
  }
  return true;
}

}  // namespace quantd
