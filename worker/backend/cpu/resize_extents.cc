#include "worker/backend/cpu/resize_extents.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

constexpr int64_t kExtentMax = int64_t{1} << 33;

absl::Status CheckCount(absl::string_view what, size_t count, size_t expected) {
  if (count == expected) return absl::OkStatus();
  return BadShape(absl::StrCat(what, " has ", count, " values, expected ", expected));
}

}  // namespace

absl::Status ApplyScales(const std::vector<float>& scales, const std::vector<size_t>& axes,
                         std::vector<ResizeAxis>& plan) {
  RETURN_IF_ERROR(CheckCount("scales", scales.size(), axes.size()));
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = plan[axes[i]];
    axis.scale = scales[i];
    // The product is rounded to float first: 10 * 0.7f is 7, not a little less.
    const float output = std::floor(static_cast<float>(axis.input) * axis.scale);
    if (!(axis.scale > 0) || !(output <= static_cast<float>(kExtentMax))) {
      return BadShape(absl::StrCat("a scale of ", axis.scale, " for an extent of ", axis.input, " is out of range"));
    }
    axis.output = static_cast<int64_t>(output);
  }
  return absl::OkStatus();
}

absl::Status ApplySizes(const std::vector<int64_t>& sizes, const std::vector<size_t>& axes, AspectPolicy policy,
                        std::vector<ResizeAxis>& plan) {
  RETURN_IF_ERROR(CheckCount("sizes", sizes.size(), axes.size()));
  bool first = true;
  float common = 1;
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = plan[axes[i]];
    if (sizes[i] < 0 || sizes[i] > kExtentMax) return BadShape(absl::StrCat("a size of ", sizes[i], " is out of range"));
    axis.output = sizes[i];
    if (axis.input == 0) continue;
    axis.scale = static_cast<float>(axis.output) / static_cast<float>(axis.input);
    common = first ? axis.scale : policy == AspectPolicy::kNotLarger ? std::min(common, axis.scale)
                                                                     : std::max(common, axis.scale);
    first = false;
  }
  if (policy == AspectPolicy::kStretch) return absl::OkStatus();
  for (const size_t index : axes) {
    ResizeAxis& axis = plan[index];
    const double output = std::floor(static_cast<double>(common) * static_cast<double>(axis.input) + 0.5);
    if (output > static_cast<double>(kExtentMax)) return BadShape("the sizes that keep the aspect ratio are too large");
    axis.scale = common;
    axis.output = static_cast<int64_t>(output);
  }
  return absl::OkStatus();
}

}  // namespace quantd::cpu
