// GridSample and AffineGrid: a tensor read at the positions that a grid names.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class SampleMode { kNearest, kLinear, kCubic };
enum class SamplePadding { kZeros, kBorder, kReflection };

struct SampleOptions {
  SampleMode mode;
  SamplePadding padding;
  bool align_corners;
};

// Folds x back into [low, high] at both ends.
double Reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  const double distance = x < low ? low - x : x > high ? x - high : 0;
  if (distance == 0) return x;
  const double rest = std::fmod(distance, range);
  const bool even = std::fmod(std::floor(distance / range), 2) == 0;
  return (x < low) == even ? low + rest : high - rest;
}

// Keys' weights of the four neighbours of a point that lies `t` after the second.
std::array<double, 4> CubicWeights(double t) {
  constexpr double a = -0.75;
  const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

// The inputs along one axis that make one sample: up to four positions (-1: a zero) and weights.
struct AxisTaps {
  std::array<int64_t, 4> at{};
  std::array<double, 4> weight{};
  size_t count = 0;
};

AxisTaps TapsOf(const SampleOptions& options, float grid, int64_t extent) {
  const double length = static_cast<double>(extent);
  const double low = options.align_corners ? 0 : -0.5, high = options.align_corners ? length - 1 : length - 0.5;
  double x = options.align_corners ? (grid + 1.0) / 2 * (length - 1) : ((grid + 1.0) * length - 1) / 2;
  // What is no number, or too far for an index, is somewhere beyond the edge.
  if (!(std::fabs(x) < 1e15)) x = -2;
  if (options.mode == SampleMode::kNearest) x = std::nearbyint(x);
  if (x < low || x > high) {
    if (options.padding == SamplePadding::kBorder) x = std::clamp(x, 0.0, length - 1);
    if (options.padding == SamplePadding::kReflection) x = Reflect(x, low, high);
  }
  const auto place = [&](double position) -> int64_t {
    if (options.padding == SamplePadding::kBorder) position = std::clamp(position, 0.0, length - 1);
    if (options.padding == SamplePadding::kReflection) position = std::trunc(Reflect(position, low, high));
    return position < 0 || position > length - 1 ? -1 : static_cast<int64_t>(position);
  };
  AxisTaps taps;
  if (options.mode == SampleMode::kNearest) {
    taps.count = 1;
    taps.at[0] = place(std::trunc(x));
    taps.weight[0] = 1;
    return taps;
  }
  const double base = std::floor(x), t = x - base;
  const bool cubic = options.mode == SampleMode::kCubic;
  taps.count = cubic ? 4 : 2;
  taps.weight = cubic ? CubicWeights(t) : std::array<double, 4>{1 - t, t, 0, 0};
  for (size_t i = 0; i < taps.count; ++i) taps.at[i] = place(base + static_cast<double>(i) - (cubic ? 1 : 0));
  return taps;
}

// The weighted sum over the taps of three axes.
double Sample(const std::array<AxisTaps, 3>& taps, const std::array<int64_t, 3>& extents, const float* x) {
  double sum = 0;
  for (size_t i = 0; i < taps[0].count; ++i) {
    for (size_t j = 0; j < taps[1].count; ++j) {
      for (size_t k = 0; k < taps[2].count; ++k) {
        const int64_t d = taps[0].at[i], r = taps[1].at[j], c = taps[2].at[k];
        if (d < 0 || r < 0 || c < 0) continue;
        const double weight = taps[0].weight[i] * taps[1].weight[j] * taps[2].weight[k];
        sum += weight * x[(d * extents[1] + r) * extents[2] + c];
      }
    }
  }
  return sum;
}

absl::Status RunGridSample(const SampleOptions& options, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireFloat(inputs, 1));
  const Tensor& x = *inputs[0];
  const Tensor& grid = *inputs[1];
  const size_t axes = x.rank() < 2 ? 0 : x.rank() - 2;
  if (axes < 1 || axes > 3 || grid.rank() != x.rank() || grid.dim(0) != x.dim(0) ||
      grid.dim(axes + 1) != static_cast<int64_t>(axes)) {
    return BadShape(absl::StrCat("a grid of shape ", ShapeString(grid.shape()), " cannot sample ",
                                 ShapeString(x.shape())));
  }
  Shape shape = {x.dim(0), x.dim(1)};
  std::array<int64_t, 3> extents = {1, 1, 1};
  int64_t points = 1, plane = 1;
  for (size_t i = 0; i < axes; ++i) {
    shape.push_back(grid.dim(i + 1));
    points *= grid.dim(i + 1);
    plane *= x.dim(i + 2);
    extents[3 - axes + i] = x.dim(i + 2);
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  if (out.size() > 0 && plane == 0) return BadShape("GridSample of an empty plane");
  std::array<AxisTaps, 3> taps;
  for (AxisTaps& axis : taps) axis = {.at = {0}, .weight = {1}, .count = 1};
  for (int64_t n = 0; out.size() > 0 && n < x.dim(0); ++n) {
    for (int64_t p = 0; p < points; ++p) {
      // The grid names the last axis first.
      const float* position = grid.data<float>() + (n * points + p) * static_cast<int64_t>(axes);
      for (size_t i = 0; i < axes; ++i) taps[2 - i] = TapsOf(options, position[i], extents[2 - i]);
      for (int64_t c = 0; c < x.dim(1); ++c) {
        const int64_t channel = n * x.dim(1) + c;
        out.mutable_data<float>()[channel * points + p] =
            static_cast<float>(Sample(taps, extents, x.data<float>() + channel * plane));
      }
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// The modes were called bilinear and bicubic until opset 19.
Maker MakeGridSample(const KernelContext& context) {
  SampleOptions options{};
  const std::string mode = context.node.String("mode", "linear");
  if (mode == "linear" || mode == "bilinear") {
    options.mode = SampleMode::kLinear;
  } else if (mode == "cubic" || mode == "bicubic") {
    options.mode = SampleMode::kCubic;
  } else if (mode != "nearest") {
    return BadAttribute(absl::StrCat("mode is '", mode, "'"));
  }
  const std::string padding = context.node.String("padding_mode", "zeros");
  if (padding == "border") {
    options.padding = SamplePadding::kBorder;
  } else if (padding == "reflection") {
    options.padding = SamplePadding::kReflection;
  } else if (padding != "zeros") {
    return BadAttribute(absl::StrCat("padding_mode is '", padding, "'"));
  }
  options.align_corners = context.node.Int("align_corners", 0) != 0;
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) {
    return RunGridSample(options, inputs, outputs);
  });
}

// Position i of `extent` on the axis from -1 to 1: corners on the ends, or the middles of equal cells.
double GridPosition(int64_t i, int64_t extent, bool align_corners) {
  const double n = static_cast<double>(extent), at = static_cast<double>(i);
  if (align_corners) return extent == 1 ? 0 : -1 + 2 * at / (n - 1);
  return -1 + (2 * at + 1) / n;
}

Maker MakeAffineGrid(const KernelContext& context) {
  const bool align_corners = context.node.Int("align_corners", 0) != 0;
  return MakeKernelFrom([align_corners](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireInput(inputs, 1));
    const Tensor& theta = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> size, Integers(*inputs[1]));
    const size_t axes = size.size() < 2 ? 0 : size.size() - 2;
    const int64_t rows = static_cast<int64_t>(axes);
    if ((axes != 2 && axes != 3) || theta.shape() != Shape{size[0], rows, rows + 1}) {
      return BadShape(absl::StrCat("theta of shape ", ShapeString(theta.shape()), " makes no grid of size ",
                                   ShapeString(size)));
    }
    Shape shape = {size[0]};
    shape.insert(shape.end(), size.begin() + 2, size.end());
    shape.push_back(rows);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    const int64_t points = out.size() == 0 ? 0 : out.size() / (size[0] * rows);
    float* to = out.mutable_data<float>();
    for (int64_t n = 0; points > 0 && n < size[0]; ++n) {
      const float* matrix = theta.data<float>() + n * rows * (rows + 1);
      for (int64_t p = 0; p < points; ++p) {
        // Homogeneous coordinates, the last axis first.
        std::array<double, 4> position = {0, 0, 0, 0};
        int64_t rest = p;
        for (size_t i = 0; i < axes; ++i) {
          const int64_t extent = size[size.size() - 1 - i];
          position[i] = GridPosition(rest % extent, extent, align_corners);
          rest /= extent;
        }
        position[axes] = 1;
        for (int64_t r = 0; r < rows; ++r) {
          double sum = 0;
          for (int64_t c = 0; c <= rows; ++c) sum += matrix[r * (rows + 1) + c] * position[static_cast<size_t>(c)];
          *to++ = static_cast<float>(sum);
        }
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"GridSample", 16, &MakeGridSample}, {"AffineGrid", 20, &MakeAffineGrid}};

}  // namespace

std::span<const KernelEntry> GridSampleKernels() { return kEntries; }

}  // namespace quantd::cpu
