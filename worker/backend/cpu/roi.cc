// RoiAlign and MaxRoiPool: regions of images pooled to one size.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

constexpr int64_t kPooledExtentMax = int64_t{1} << 16;
// Samples of one cell along one axis. Real regions need a few; hostile ones must not run for ever.
constexpr double kSamplesMax = 1 << 12;

struct AlignOptions {
  int64_t height = 1;  // Of the output.
  int64_t width = 1;
  int64_t samples = 0;  // Along each axis of a cell; 0: as many as the cell has pixels.
  double scale = 1;
  bool half_pixel = false;
  bool maximum = false;
};

// Four pixels around a point, and their bilinear weights. Points more than a pixel outside see none.
struct Corners {
  std::array<int64_t, 4> at{};
  std::array<double, 4> weight{};
};

Corners CornersOf(double y, double x, int64_t height, int64_t width) {
  Corners corners;
  if (!(y >= -1) || !(x >= -1) || y > static_cast<double>(height) || x > static_cast<double>(width)) return corners;
  // The pixel at or before a coordinate, the one after, and the way between them.
  const auto split = [](double at, int64_t extent, std::array<int64_t, 2>& pixels) {
    at = std::max(at, 0.0);
    pixels[0] = std::min(static_cast<int64_t>(at), extent - 1);
    pixels[1] = std::min(pixels[0] + 1, extent - 1);
    return pixels[0] == extent - 1 ? 0.0 : at - static_cast<double>(pixels[0]);
  };
  std::array<int64_t, 2> rows{}, columns{};
  const double ty = split(y, height, rows), tx = split(x, width, columns);
  for (size_t i = 0; i < 4; ++i) {
    corners.at[i] = rows[i / 2] * width + columns[i % 2];
    corners.weight[i] = (i / 2 == 0 ? 1 - ty : ty) * (i % 2 == 0 ? 1 - tx : tx);
  }
  return corners;
}

// The samples of all cells of a region, row after row.
struct RegionSamples {
  int64_t per_cell = 0;
  std::vector<Corners> corners;
};

absl::StatusOr<RegionSamples> SamplesOf(const AlignOptions& options, const float* region, int64_t height,
                                        int64_t width) {
  const double offset = options.half_pixel ? 0.5 : 0;
  const double left = region[0] * options.scale - offset, top = region[1] * options.scale - offset;
  double region_width = region[2] * options.scale - offset - left;
  double region_height = region[3] * options.scale - offset - top;
  // Without half pixels, regions have at least the extent of a pixel.
  if (!options.half_pixel) {
    region_width = std::max(region_width, 1.0);
    region_height = std::max(region_height, 1.0);
  }
  const double cell_height = region_height / static_cast<double>(options.height);
  const double cell_width = region_width / static_cast<double>(options.width);
  const double rows = options.samples > 0 ? static_cast<double>(options.samples) : std::ceil(cell_height);
  const double columns = options.samples > 0 ? static_cast<double>(options.samples) : std::ceil(cell_width);
  if (!std::isfinite(left + top + region_width + region_height) || rows > kSamplesMax || columns > kSamplesMax) {
    return BadShape("a region of RoiAlign is out of range");
  }
  RegionSamples samples;
  const int64_t down = static_cast<int64_t>(std::max(rows, 0.0)), across = static_cast<int64_t>(std::max(columns, 0.0));
  samples.per_cell = down * across;
  RETURN_IF_ERROR(CheckedElementCount({options.height, options.width, samples.per_cell}, int64_t{1} << 26).status());
  for (int64_t i = 0; i < options.height * options.width; ++i) {
    for (int64_t s = 0; s < samples.per_cell; ++s) {
      const double y = top + static_cast<double>(i / options.width) * cell_height +
                       (static_cast<double>(s / across) + 0.5) * cell_height / rows;
      const double x = left + static_cast<double>(i % options.width) * cell_width +
                       (static_cast<double>(s % across) + 0.5) * cell_width / columns;
      samples.corners.push_back(CornersOf(y, x, height, width));
    }
  }
  return samples;
}

// The maximum is over weighted corners, as ONNX Runtime takes it, not over interpolated values.
float PoolCell(const AlignOptions& options, const Corners* corners, int64_t count, const float* plane) {
  double sum = 0, highest = 0;
  for (int64_t s = 0; s < count; ++s) {
    for (size_t i = 0; i < 4; ++i) {
      const double value = corners[s].weight[i] * plane[corners[s].at[i]];
      sum += value;
      highest = s == 0 && i == 0 ? value : std::max(highest, value);
    }
  }
  return static_cast<float>(options.maximum ? highest : sum / static_cast<double>(std::max<int64_t>(count, 1)));
}

absl::Status RunRoiAlign(const AlignOptions& options, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireFloat(inputs, 1));
  RETURN_IF_ERROR(RequireInput(inputs, 2));
  const Tensor& x = *inputs[0];
  const Tensor& regions = *inputs[1];
  if (x.rank() != 4 || regions.rank() != 2 || regions.dim(1) != 4 || inputs[2]->shape() != Shape{regions.dim(0)}) {
    return BadShape(absl::StrCat("RoiAlign does not take ", ShapeString(x.shape()), " with regions ",
                                 ShapeString(regions.shape()), " and batch indices ", ShapeString(inputs[2]->shape())));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> batches, Integers(*inputs[2]));
  const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3), cells = options.height * options.width;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {regions.dim(0), channels, options.height, options.width}));
  if (out.size() > 0 && height * width == 0) return BadShape("RoiAlign of an empty image");
  for (int64_t r = 0; out.size() > 0 && r < regions.dim(0); ++r) {
    const int64_t batch = batches[static_cast<size_t>(r)];
    if (batch < 0 || batch >= x.dim(0)) {
      return BadIndex(absl::StrCat("batch index ", batch, " is out of range for a batch of ", x.dim(0)));
    }
    ASSIGN_OR_RETURN(const RegionSamples samples, SamplesOf(options, regions.data<float>() + r * 4, height, width));
    for (int64_t c = 0; c < channels; ++c) {
      const float* plane = x.data<float>() + (batch * channels + c) * height * width;
      float* to = out.mutable_data<float>() + (r * channels + c) * cells;
      for (int64_t i = 0; i < cells; ++i) {
        to[i] = PoolCell(options, samples.corners.data() + i * samples.per_cell, samples.per_cell, plane);
      }
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// Until opset 15 coordinates are taken as they are; since 16 half_pixel is the default.
Maker MakeRoiAlign(const KernelContext& context) {
  const Node& node = context.node;
  AlignOptions options{.height = node.Int("output_height", 1),
                       .width = node.Int("output_width", 1),
                       .samples = node.Int("sampling_ratio", 0),
                       .scale = node.Float("spatial_scale", 1)};
  const std::string coordinates = context.opset < 16 ? "output_half_pixel"
                                                     : node.String("coordinate_transformation_mode", "half_pixel");
  options.half_pixel = coordinates == "half_pixel";
  if (!options.half_pixel && coordinates != "output_half_pixel") {
    return BadAttribute(absl::StrCat("coordinate_transformation_mode is '", coordinates, "'"));
  }
  const std::string mode = node.String("mode", "avg");
  options.maximum = mode == "max";
  if (!options.maximum && mode != "avg") return BadAttribute(absl::StrCat("mode is '", mode, "'"));
  if (options.height < 1 || options.height > kPooledExtentMax || options.width < 1 || options.width > kPooledExtentMax) {
    return BadAttribute(absl::StrCat("an output of ", options.height, " x ", options.width, " is out of range"));
  }
  if (options.samples < 0) return BadAttribute(absl::StrCat("sampling_ratio is ", options.samples));
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) {
    return RunRoiAlign(options, inputs, outputs);
  });
}

// Pixels [first, last) of cell i along one axis of a region that begins at `begin` and is split into `cells`.
std::array<int64_t, 2> CellRange(double begin, double cell, int64_t i, int64_t extent) {
  const auto limit = [&](double at) {
    return static_cast<int64_t>(std::clamp(at + begin, 0.0, static_cast<double>(extent)));
  };
  return {limit(std::floor(static_cast<double>(i) * cell)), limit(std::ceil(static_cast<double>(i + 1) * cell))};
}

Maker MakeMaxRoiPool(const KernelContext& context) {
  const std::vector<int64_t> pooled = context.node.Ints("pooled_shape");
  const double scale = context.node.Float("spatial_scale", 1);
  const auto out_of_range = [](int64_t extent) { return extent < 1 || extent > kPooledExtentMax; };
  if (pooled.size() != 2 || out_of_range(pooled[0]) || out_of_range(pooled[1])) {
    return BadAttribute("pooled_shape of MaxRoiPool is not two extents");
  }
  return MakeKernelFrom([pooled, scale](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& x = *inputs[0];
    const Tensor& regions = *inputs[1];
    if (x.rank() != 4 || regions.rank() != 2 || regions.dim(1) != 5) {
      return BadShape(absl::StrCat("MaxRoiPool does not take ", ShapeString(x.shape()), " with regions ",
                                   ShapeString(regions.shape())));
    }
    const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {regions.dim(0), channels, pooled[0], pooled[1]}));
    float* to = out.mutable_data<float>();
    for (int64_t r = 0; out.size() > 0 && r < regions.dim(0); ++r) {
      const float* region = regions.data<float>() + r * 5;  // Batch index, left, top, right, bottom.
      const int64_t batch = Saturated<int64_t>(region[0]);
      if (batch < 0 || batch >= x.dim(0)) {
        return BadIndex(absl::StrCat("batch index ", batch, " is out of range for a batch of ", x.dim(0)));
      }
      std::array<double, 4> corners{};
      for (size_t i = 0; i < 4; ++i) corners[i] = std::round(region[i + 1] * scale);
      const double cell_width = std::max(corners[2] - corners[0] + 1, 1.0) / static_cast<double>(pooled[1]);
      const double cell_height = std::max(corners[3] - corners[1] + 1, 1.0) / static_cast<double>(pooled[0]);
      if (!std::isfinite(cell_width + cell_height)) return BadShape("a region of MaxRoiPool is out of range");
      for (int64_t i = 0; i < channels * pooled[0] * pooled[1]; ++i) {
        const float* plane = x.data<float>() + (batch * channels + i / (pooled[0] * pooled[1])) * height * width;
        const auto [y0, y1] = CellRange(corners[1], cell_height, i / pooled[1] % pooled[0], height);
        const auto [x0, x1] = CellRange(corners[0], cell_width, i % pooled[1], width);
        float highest = y0 < y1 && x0 < x1 ? plane[y0 * width + x0] : 0.0f;
        for (int64_t y = y0; y < y1; ++y) {
          for (int64_t column = x0; column < x1; ++column) highest = std::max(highest, plane[y * width + column]);
        }
        *to++ = highest;
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"RoiAlign", 10, &MakeRoiAlign}, {"MaxRoiPool", 1, &MakeMaxRoiPool}};

}  // namespace

std::span<const KernelEntry> RoiKernels() { return kEntries; }

}  // namespace quantd::cpu
