// The extents of Resize's output, from scales or from sizes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "worker/backend/cpu/resize_axis.h"

namespace quantd::cpu {

// Whether sizes are kept as they are, or are bounds from within or without of one scale for all axes.
enum class AspectPolicy { kStretch, kNotLarger, kNotSmaller };

// Both fill scale and output of the listed axes of `plan`, one value an axis.
// Errors: INVALID_ARGUMENT, reason BAD_SHAPE.
absl::Status ApplyScales(const std::vector<float>& scales, const std::vector<size_t>& axes,
                         std::vector<ResizeAxis>& plan);
absl::Status ApplySizes(const std::vector<int64_t>& sizes, const std::vector<size_t>& axes, AspectPolicy policy,
                        std::vector<ResizeAxis>& plan);

}  // namespace quantd::cpu
