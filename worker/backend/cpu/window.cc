#include "worker/backend/cpu/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

// Far above any real window; keeps the arithmetic below from overflowing.
constexpr int64_t kExtentMax = int64_t{1} << 31;

}  // namespace

absl::StatusOr<std::vector<int64_t>> WindowAttribute(const Node& node, const std::string& name, size_t count,
                                                     int64_t fallback, int64_t lowest) {
  std::vector<int64_t> values = node.Ints(name, std::vector<int64_t>(count, fallback));
  if (values.size() != count) {
    return BadAttribute(absl::StrCat(name, " has ", values.size(), " values, expected ", count));
  }
  for (const int64_t value : values) {
    if (value < lowest || value > kExtentMax) {
      return BadAttribute(absl::StrCat(name, " holds ", value, ", which is out of range"));
    }
  }
  return values;
}

absl::StatusOr<Window> ResolveWindow(const Node& node, std::vector<int64_t> kernel,
                                     const std::vector<int64_t>& spatial, bool ceil_mode) {
  const size_t rank = spatial.size();
  if (kernel.size() != rank) {
    return BadShape(absl::StrCat("the window has ", kernel.size(), " axes, the input ", rank));
  }
  Window window{.kernel = std::move(kernel)};
  ASSIGN_OR_RETURN(window.strides, WindowAttribute(node, "strides", rank, 1, 1));
  ASSIGN_OR_RETURN(window.dilations, WindowAttribute(node, "dilations", rank, 1, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> pads, WindowAttribute(node, "pads", 2 * rank, 0, 0));
  const std::string auto_pad = node.String("auto_pad", "NOTSET");
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t extent = spatial[axis];
    const int64_t stride = window.strides[axis];
    if (window.kernel[axis] < 1 || window.kernel[axis] > kExtentMax || extent > kExtentMax) {
      return BadShape("a window's extent is out of range");
    }
    const int64_t span = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
    int64_t begin = 0, end = 0;
    if (auto_pad == "NOTSET") {
      begin = pads[axis];
      end = pads[axis + rank];
    } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      const int64_t wanted = (extent + stride - 1) / stride;
      const int64_t total = std::max<int64_t>((wanted - 1) * stride + span - extent, 0);
      begin = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    } else if (auto_pad != "VALID") {
      return BadAttribute(absl::StrCat("auto_pad is '", auto_pad, "'"));
    }
    const int64_t room = extent + begin + end - span;
    if (room < 0) {
      return BadShape(absl::StrCat("a window of ", span, " does not fit into an extent of ", extent,
                                   " with padding ", begin, " and ", end));
    }
    int64_t output = (ceil_mode ? (room + stride - 1) / stride : room / stride) + 1;
    if (ceil_mode && (output - 1) * stride >= extent + begin) --output;
    window.pads_begin.push_back(begin);
    window.pads_end.push_back(end);
    window.output.push_back(output);
  }
  return window;
}

Taps TapsWithin(const Window& window, size_t axis, int64_t lowest, int64_t end, int64_t out) {
  // Tap k lies at begin + k * step.
  const int64_t begin = out * window.strides[axis] - window.pads_begin[axis];
  const int64_t step = window.dilations[axis];
  const int64_t first = begin >= lowest ? 0 : (lowest - begin + step - 1) / step;
  if (begin >= end) return {};
  const int64_t last = std::min(window.kernel[axis] - 1, (end - 1 - begin) / step);
  return {.first = first, .count = std::max<int64_t>(last - first + 1, 0)};
}

void WidenToThreeAxes(Window& window, std::vector<int64_t>& spatial) {
  while (spatial.size() < 3) {
    spatial.insert(spatial.begin(), 1);
    for (auto* ones : {&window.kernel, &window.strides, &window.dilations, &window.output}) {
      ones->insert(ones->begin(), 1);
    }
    window.pads_begin.insert(window.pads_begin.begin(), 0);
    window.pads_end.insert(window.pads_end.begin(), 0);
  }
}

}  // namespace quantd::cpu
