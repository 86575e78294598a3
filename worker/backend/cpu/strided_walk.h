// Walks several tensors in step, each with strides of its own: what broadcasting, slicing and transposing come down to.
// The body of the innermost loop stays with the caller, so that the compiler sees it whole.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "worker/graph/tensor.h"

namespace quantd::cpu {

// A shape and, for each of N tensors, the stride in elements that belongs to each axis.
template <size_t N>
struct StridedShape {
  struct Axis {
    int64_t extent;
    std::array<int64_t, N> strides;
  };
  std::vector<Axis> axes;  // Outermost first; none for a scalar.

  int64_t size() const {
    int64_t size = 1;
    for (const Axis& axis : axes) size *= axis.extent;
    return size;
  }
};

// Leaves out axes of extent 1, and joins neighbours that all tensors pass through with one stride. REQUIRES: every entry
// of `strides` has as many axes as `shape`.
template <size_t N>
StridedShape<N> JoinAxes(const Shape& shape, const std::array<std::vector<int64_t>, N>& strides) {
  StridedShape<N> joined;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    typename StridedShape<N>::Axis axis{shape[i], {}};
    for (size_t k = 0; k < N; ++k) axis.strides[k] = strides[k][i];
    bool joins = !joined.axes.empty();
    for (size_t k = 0; joins && k < N; ++k) {
      joins = joined.axes.back().strides[k] == axis.strides[k] * axis.extent;
    }
    if (joins) axis.extent *= joined.axes.back().extent;
    if (joins) joined.axes.pop_back();
    joined.axes.push_back(axis);
  }
  return joined;
}

// Calls visit(offsets) for each position of the first `depth` axes, in row-major order; an offset counts elements.
template <size_t N, typename Visit>
void ForEachPosition(const StridedShape<N>& shape, size_t depth, Visit visit) {
  if (shape.size() == 0) return;
  std::array<int64_t, N> offsets = {};
  std::vector<int64_t> position(depth, 0);
  while (true) {
    visit(offsets);
    size_t axis = depth;
    while (true) {
      if (axis == 0) return;
      --axis;
      const typename StridedShape<N>::Axis& walked = shape.axes[axis];
      for (size_t k = 0; k < N; ++k) offsets[k] += walked.strides[k];
      if (++position[axis] < walked.extent) break;
      for (size_t k = 0; k < N; ++k) offsets[k] -= walked.strides[k] * walked.extent;
      position[axis] = 0;
    }
  }
}

// Calls visit(offsets, steps, n) for each run: n elements from `offsets` on, `steps` apart.
template <size_t N, typename Visit>
void ForEachRun(const StridedShape<N>& shape, Visit visit) {
  if (shape.axes.empty()) {
    visit(std::array<int64_t, N>{}, std::array<int64_t, N>{}, int64_t{1});
    return;
  }
  const typename StridedShape<N>::Axis& last = shape.axes.back();
  ForEachPosition(shape, shape.axes.size() - 1, [&](const std::array<int64_t, N>& offsets) {
    visit(offsets, last.strides, last.extent);
  });
}

}  // namespace quantd::cpu
