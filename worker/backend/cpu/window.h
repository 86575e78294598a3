// The sliding window of convolutions and pools: attributes checked, padding resolved.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::cpu {

// Per spatial axis.
struct Window {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads_begin;
  std::vector<int64_t> pads_end;
  std::vector<int64_t> output;  // Extents of the output.
};

// `kernel` comes from the weight, or from the node's kernel_shape for pools. `spatial` are the input's
// spatial extents. With `ceil_mode` the output's extent is rounded up, but no window starts in the end's padding.
//
// Errors: INVALID_ARGUMENT, reason BAD_ATTRIBUTE or BAD_SHAPE.
absl::StatusOr<Window> ResolveWindow(const Node& node, std::vector<int64_t> kernel,
                                     const std::vector<int64_t>& spatial, bool ceil_mode);

// The attribute's values, one of each of `count` axes or sides, each in [lowest, 2^31]; `fallback` for all when it is absent.
// Errors: INVALID_ARGUMENT, reason BAD_ATTRIBUTE.
absl::StatusOr<std::vector<int64_t>> WindowAttribute(const Node& node, const std::string& name, size_t count,
                                                     int64_t fallback, int64_t lowest);

// Which taps of the window at output position `out` lie in [lowest, end) of the input's positions along `axis`: `count`
// of them from `first` on. In constant time, however large the window is.
struct Taps {
  int64_t first = 0;
  int64_t count = 0;
};
Taps TapsWithin(const Window& window, size_t axis, int64_t lowest, int64_t end, int64_t out);

// Puts axes of extent 1 in front until the window has three: a line or a plane as a volume. `spatial` are the extents of
// what the window slides over.
void WidenToThreeAxes(Window& window, std::vector<int64_t>& spatial);

}  // namespace quantd::cpu
