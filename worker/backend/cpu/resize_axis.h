// One axis of Resize: which inputs, with which weights, make each output. Tensors are resized axis by axis.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::cpu {

struct ResizeOptions {
  enum class Mode { kNearest, kLinear, kCubic };
  enum class Coordinates {
    kHalfPixel,
    kHalfPixelSymmetric,
    kPytorchHalfPixel,
    kAlignCorners,
    kAsymmetric,
    kTfHalfPixelForNearest,
    kTfCropAndResize,
  };
  enum class Nearest {
    kRoundPreferFloor,
    kRoundPreferCeil,
    kFloor,
    kCeil,
    kUntilOpset10,  // Up when the tensor shrinks, down when it grows.
  };
  Mode mode = Mode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  Nearest nearest = Nearest::kRoundPreferFloor;
  double cubic_coefficient = -0.75;
  bool exclude_outside = false;  // Taps beyond the edge weigh nothing, instead of repeating the edge.
  bool antialias = false;        // When the tensor shrinks, the filter widens.
  float extrapolation_value = 0;
};

// The options of a Resize node of opset 11 or later, or of the older Resize and Upsample.
// Errors: INVALID_ARGUMENT, reason BAD_ATTRIBUTE.
absl::StatusOr<ResizeOptions> ReadResizeOptions(const Node& node, int64_t opset);

struct ResizeAxis {
  int64_t input = 0;  // Extents.
  int64_t output = 0;
  float scale = 1;            // Output over input; not exactly the ratio of the extents where it was given as a scale.
  float begin = 0, end = 1;   // What tf_crop_and_resize takes of the input.
};

struct ResizePlan {
  struct Tap {
    int64_t input;
    double weight;
  };
  bool identity = false;       // The axis stays as it is; there are no taps.
  std::vector<size_t> first;   // Output o is made from taps [first[o], first[o + 1]).
  std::vector<Tap> taps;
  std::vector<bool> outside;   // Outputs that lie beyond the input; empty when none does.
};

// REQUIRES: input and output >= 1, scale > 0 and finite.
ResizePlan PlanResize(const ResizeOptions& options, const ResizeAxis& axis);

}  // namespace quantd::cpu
