#include "worker/backend/cpu/resize_axis.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Coordinates = ResizeOptions::Coordinates;
using Mode = ResizeOptions::Mode;
using Nearest = ResizeOptions::Nearest;

template <typename Value>
struct Named {
  absl::string_view name;
  Value value;
};

constexpr Named<Mode> kModes[] = {{"nearest", Mode::kNearest}, {"linear", Mode::kLinear}, {"cubic", Mode::kCubic}};
constexpr Named<Coordinates> kCoordinates[] = {
    {"half_pixel", Coordinates::kHalfPixel},
    {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
    {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
    {"align_corners", Coordinates::kAlignCorners},
    {"asymmetric", Coordinates::kAsymmetric},
    {"tf_half_pixel_for_nn", Coordinates::kTfHalfPixelForNearest},
    {"tf_crop_and_resize", Coordinates::kTfCropAndResize},
};
constexpr Named<Nearest> kNearest[] = {
    {"round_prefer_floor", Nearest::kRoundPreferFloor},
    {"round_prefer_ceil", Nearest::kRoundPreferCeil},
    {"floor", Nearest::kFloor},
    {"ceil", Nearest::kCeil},
};

template <typename Value, size_t kCount>
absl::StatusOr<Value> Choice(const Node& node, const std::string& attribute, const Named<Value> (&choices)[kCount]) {
  const std::string name = node.String(attribute, choices[0].name);
  for (const Named<Value>& choice : choices) {
    if (choice.name == name) return choice.value;
  }
  return BadAttribute(absl::StrCat(attribute, " is '", name, "'"));
}

// Where output `x` lies on the input's axis. In float, as ONNX Runtime computes it: half-way cases then round alike.
float Coordinate(const ResizeOptions& options, const ResizeAxis& axis, int64_t position) {
  const float x = static_cast<float>(position);
  const float input = static_cast<float>(axis.input), output = static_cast<float>(axis.output);
  switch (options.coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5f) / axis.scale - 0.5f;
    case Coordinates::kHalfPixelSymmetric: {
      const float adjustment = output / (axis.scale * input);
      return input / 2 * (1 - adjustment) + (x + 0.5f) / axis.scale - 0.5f;
    }
    case Coordinates::kPytorchHalfPixel:
      return axis.output > 1 ? (x + 0.5f) / axis.scale - 0.5f : 0.0f;
    case Coordinates::kAlignCorners:
      return axis.output > 1 ? x * (input - 1) / (output - 1) : 0.0f;
    case Coordinates::kAsymmetric:
      return x / axis.scale;
    case Coordinates::kTfHalfPixelForNearest:
      return (x + 0.5f) / axis.scale;
    case Coordinates::kTfCropAndResize:
      return axis.output > 1
                 ? axis.begin * (input - 1) + x * (axis.end - axis.begin) * (input - 1) / (output - 1)
                 : 0.5f * (axis.begin + axis.end) * (input - 1);
  }
  return 0;
}

double Rounded(Nearest nearest, float x, float scale) {
  switch (nearest) {
    case Nearest::kRoundPreferFloor: return std::ceil(x - 0.5);
    case Nearest::kRoundPreferCeil: return std::floor(x + 0.5);
    case Nearest::kFloor: return std::floor(x);
    case Nearest::kCeil: return std::ceil(x);
    case Nearest::kUntilOpset10: return scale < 1 ? std::ceil(x) : std::floor(x);
  }
  return x;
}

// The weight of an input at this distance (Keys' cubic convolution for Mode::kCubic).
double Weight(const ResizeOptions& options, double distance) {
  const double d = std::fabs(distance), a = options.cubic_coefficient;
  if (options.mode == Mode::kLinear) return std::max(0.0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

void AddFilter(const ResizeOptions& options, const ResizeAxis& axis, double x, std::vector<ResizePlan::Tap>& taps) {
  const double reach = options.mode == Mode::kLinear ? 1 : 2;
  const double stretch = options.antialias ? std::min<double>(axis.scale, 1) : 1;
  const double base = std::floor(x);
  // Offsets from `base` that can lie within reach / stretch of x.
  const int64_t first = Saturated<int64_t>(std::floor(-reach / stretch)) + 1;
  const int64_t last = 1 - first;
  const size_t begin = taps.size();
  double sum = 0;
  for (int64_t offset = first; offset <= last; ++offset) {
    const double weight = Weight(options, (base + static_cast<double>(offset) - x) * stretch);
    const double at = base + static_cast<double>(offset);
    const double inside = std::clamp(at, 0.0, static_cast<double>(axis.input - 1));
    if (weight == 0 || (options.exclude_outside && at != inside)) continue;
    sum += weight;
    const int64_t input = static_cast<int64_t>(inside);
    // Taps beyond the edge repeat it: one tap with the sum of the weights.
    if (taps.size() > begin && taps.back().input == input) {
      taps.back().weight += weight;
    } else {
      taps.push_back({input, weight});
    }
  }
  if (!options.antialias && !options.exclude_outside) return;
  for (size_t i = begin; sum != 0 && i < taps.size(); ++i) taps[i].weight /= sum;
}

}  // namespace

absl::StatusOr<ResizeOptions> ReadResizeOptions(const Node& node, int64_t opset) {
  ResizeOptions options;
  ASSIGN_OR_RETURN(options.mode, Choice(node, "mode", kModes));
  if (node.op_type == "Upsample" || opset < 11) {
    if (options.mode == Mode::kCubic) return BadAttribute("mode is 'cubic' before opset 11");
    options.coordinates = Coordinates::kAsymmetric;
    options.nearest = Nearest::kUntilOpset10;
    return options;
  }
  ASSIGN_OR_RETURN(options.coordinates, Choice(node, "coordinate_transformation_mode", kCoordinates));
  ASSIGN_OR_RETURN(options.nearest, Choice(node, "nearest_mode", kNearest));
  options.cubic_coefficient = node.Float("cubic_coeff_a", -0.75f);
  if (!std::isfinite(options.cubic_coefficient)) return BadAttribute("cubic_coeff_a is not finite");
  options.exclude_outside = node.Int("exclude_outside", 0) != 0;
  options.antialias = opset >= 18 && node.Int("antialias", 0) != 0 && options.mode != Mode::kNearest;
  options.extrapolation_value = node.Float("extrapolation_value", 0);
  return options;
}

ResizePlan PlanResize(const ResizeOptions& options, const ResizeAxis& axis) {
  ResizePlan plan;
  const bool crops = options.coordinates == Coordinates::kTfCropAndResize;
  if (axis.input == axis.output && axis.scale == 1 && (!crops || (axis.begin == 0 && axis.end == 1))) {
    plan.identity = true;
    return plan;
  }
  const float highest = static_cast<float>(axis.input - 1);
  for (int64_t o = 0; o < axis.output; ++o) {
    plan.first.push_back(plan.taps.size());
    float x = Coordinate(options, axis, o);
    if (crops && !(x >= 0 && x <= highest)) {
      if (plan.outside.empty()) plan.outside.resize(static_cast<size_t>(axis.output));
      plan.outside[static_cast<size_t>(o)] = true;
      x = 0;
    }
    if (options.mode == Mode::kNearest) {
      const double nearest = Rounded(options.nearest, x, axis.scale);
      plan.taps.push_back({static_cast<int64_t>(std::clamp<double>(nearest, 0, static_cast<double>(highest))), 1});
    } else {
      AddFilter(options, axis, x, plan.taps);
    }
  }
  plan.first.push_back(plan.taps.size());
  return plan;
}

}  // namespace quantd::cpu
