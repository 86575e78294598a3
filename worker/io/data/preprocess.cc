#include "worker/io/data/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/convert.h"
#include "worker/io/data/data_errors.h"

namespace quantd {
namespace {

absl::Status CheckPair(absl::string_view prefix, int32_t width, int32_t height) {
  if (width < 0 || width > kImageSideMax) {
    return BadPreprocessing(absl::StrCat(prefix, "_width"),
                            absl::StrCat("must be 0 to ", kImageSideMax));
  }
  if (height < 0 || height > kImageSideMax) {
    return BadPreprocessing(absl::StrCat(prefix, "_height"),
                            absl::StrCat("must be 0 to ", kImageSideMax));
  }
  if ((width == 0) != (height == 0)) {
    return BadPreprocessing(absl::StrCat(prefix, width == 0 ? "_width" : "_height"),
                            "give width and height, or neither");
  }
  return absl::OkStatus();
}

// Where each output coordinate lies on one axis of the input.
struct Sample {
  int32_t low = 0;    // Pixel at or before the position.
  int32_t high = 0;   // The next one; equal to `low` at the edge.
  double weight = 0;  // Of `high`.
};

std::vector<Sample> Samples(int64_t in, int64_t resized, int64_t crop_begin, int64_t out) {
  std::vector<Sample> samples(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(crop_begin + i) + 0.5) * static_cast<double>(in) /
                              static_cast<double>(resized) -
                          0.5;
    const double position = std::clamp(centre, 0.0, static_cast<double>(in - 1));
    const auto low = static_cast<int32_t>(position);
    samples[i] = {low, static_cast<int32_t>(std::min<int64_t>(low + 1, in - 1)), position - low};
  }
  return samples;
}

struct Geometry {
  int64_t resized_width = 0, resized_height = 0;
  int64_t width = 0, height = 0;  // After the crop.
};

absl::StatusOr<Geometry> Plan(const PixelView& image, const Preprocessing& p) {
  Geometry g{image.width, image.height};
  if (p.resize_width > 0) {
    g.resized_width = p.resize_width;
    g.resized_height = p.resize_height;
  } else if (p.resize_shorter_side > 0) {
    const int64_t shorter = std::min(image.width, image.height);
    g.resized_width = int64_t{image.width} * p.resize_shorter_side / shorter;
    g.resized_height = int64_t{image.height} * p.resize_shorter_side / shorter;
  }
  g.width = p.crop_width > 0 ? p.crop_width : g.resized_width;
  g.height = p.crop_height > 0 ? p.crop_height : g.resized_height;
  if (g.width > g.resized_width || g.height > g.resized_height) {
    return absl::InvalidArgumentError(absl::StrCat("the image has ", g.resized_width, "x",
                                                   g.resized_height, " pixels before the crop to ",
                                                   g.width, "x", g.height, "; resize it first"));
  }
  // A thin image can grow without bound on its longer side.
  if (g.width > kImageSideMax || g.height > kImageSideMax || g.width * g.height > kImagePixelsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("resizing gives ", g.width, "x", g.height, " pixels, which are too many"));
  }
  return g;
}

double Bilinear(const uint8_t* plane, ptrdiff_t row_step, ptrdiff_t pixel_step, const Sample& y,
                const Sample& x) {
  const uint8_t* top = plane + y.low * row_step;
  const uint8_t* bottom = plane + y.high * row_step;
  const double upper =
      top[x.low * pixel_step] * (1 - x.weight) + top[x.high * pixel_step] * x.weight;
  const double lower =
      bottom[x.low * pixel_step] * (1 - x.weight) + bottom[x.high * pixel_step] * x.weight;
  return upper * (1 - y.weight) + lower * y.weight;
}

// The resized and cropped image, one plane a stored channel.
std::vector<double> Resample(const PixelView& image, const Geometry& g) {
  const std::vector<Sample> xs =
      Samples(image.width, g.resized_width, (g.resized_width - g.width) / 2, g.width);
  const std::vector<Sample> ys =
      Samples(image.height, g.resized_height, (g.resized_height - g.height) / 2, g.height);
  const ptrdiff_t pixel_step = image.planes ? 1 : image.channels;
  const ptrdiff_t row_step = pixel_step * image.width;
  const ptrdiff_t plane_step = image.planes ? row_step * image.height : 1;
  std::vector<double> planes(static_cast<size_t>(g.width * g.height) * image.channels);
  size_t at = 0;
  for (int32_t c = 0; c < image.channels; ++c) {
    for (const Sample& y : ys) {
      for (const Sample& x : xs) {
        planes[at++] = Bilinear(image.pixels + c * plane_step, row_step, pixel_step, y, x);
      }
    }
  }
  return planes;
}

std::vector<double> ReorderChannels(std::vector<double> planes, size_t pixels, ChannelOrder order) {
  const bool gray = planes.size() == pixels;
  if (gray && order != ChannelOrder::kGray) {
    planes.resize(3 * pixels);
    std::copy_n(planes.begin(), pixels, planes.begin() + pixels);
    std::copy_n(planes.begin(), pixels, planes.begin() + 2 * pixels);
  } else if (!gray && order == ChannelOrder::kGray) {
    for (size_t i = 0; i < pixels; ++i) {
      planes[i] = 0.299 * planes[i] + 0.587 * planes[pixels + i] + 0.114 * planes[2 * pixels + i];
    }
    planes.resize(pixels);
  } else if (order == ChannelOrder::kBgr) {
    std::swap_ranges(planes.begin(), planes.begin() + pixels, planes.begin() + 2 * pixels);
  }
  return planes;
}

std::vector<double> Interleave(const std::vector<double>& planes, size_t pixels) {
  const size_t channels = planes.size() / pixels;
  if (channels == 1) return planes;
  std::vector<double> values(planes.size());
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < pixels; ++i) values[i * channels + c] = planes[c * pixels + i];
  }
  return values;
}

ChannelOrder Resolve(const Preprocessing& preprocessing, const ValueInfo& input) {
  if (preprocessing.channels != ChannelOrder::kUnspecified) return preprocessing.channels;
  const size_t axis = preprocessing.layout == PixelLayout::kNchw ? 1 : 3;
  const bool one = input.shape.size() == 4 && input.shape[axis].extent == 1;
  return one ? ChannelOrder::kGray : ChannelOrder::kRgb;
}

}  // namespace

absl::Status CheckPreprocessing(const Preprocessing& p) {
  RETURN_IF_ERROR(CheckPair("resize", p.resize_width, p.resize_height));
  RETURN_IF_ERROR(CheckPair("crop", p.crop_width, p.crop_height));
  if (p.resize_shorter_side < 0 || p.resize_shorter_side > kImageSideMax) {
    return BadPreprocessing("resize_shorter_side", absl::StrCat("must be 0 to ", kImageSideMax));
  }
  if (p.resize_shorter_side > 0 && p.resize_width > 0) {
    return BadPreprocessing("resize_shorter_side", "excludes resize_width and resize_height");
  }
  if (!std::isfinite(p.scale) || p.scale == 0) {
    return BadPreprocessing("scale", "must be a finite number other than 0");
  }
  for (const double mean : p.mean) {
    if (!std::isfinite(mean)) return BadPreprocessing("mean", "must be finite");
  }
  for (const double std : p.std) {
    if (!std::isfinite(std) || std <= 0)
      return BadPreprocessing("std", "must be finite and above 0");
  }
  return absl::OkStatus();
}

bool ChangesGeometryOrChannels(const Preprocessing& p) {
  return p.resize_width > 0 || p.resize_shorter_side > 0 || p.crop_width > 0 ||
         p.channels != ChannelOrder::kUnspecified;
}

absl::StatusOr<Shape> PreprocessedShape(const PixelView& image, const Preprocessing& preprocessing,
                                        const ValueInfo& input) {
  ASSIGN_OR_RETURN(const Geometry g, Plan(image, preprocessing));
  const int64_t channels = Resolve(preprocessing, input) == ChannelOrder::kGray ? 1 : 3;
  if (preprocessing.layout == PixelLayout::kNhwc) return Shape{g.height, g.width, channels};
  return Shape{channels, g.height, g.width};
}

absl::StatusOr<PixelRow> PreprocessPixels(const PixelView& image,
                                          const Preprocessing& preprocessing,
                                          const ValueInfo& input) {
  ASSIGN_OR_RETURN(const Geometry g, Plan(image, preprocessing));
  const size_t pixels = static_cast<size_t>(g.width * g.height);
  const ChannelOrder order = Resolve(preprocessing, input);
  std::vector<double> planes = ReorderChannels(Resample(image, g), pixels, order);
  const int64_t channels = static_cast<int64_t>(planes.size() / pixels);
  ASSIGN_OR_RETURN(const Normalization normalization,
                   MakeNormalization(preprocessing, channels, static_cast<int64_t>(pixels)));
  if (!normalization.identity()) {
    normalization.Apply(planes.data(), static_cast<int64_t>(planes.size()), 0);
  }
  if (preprocessing.layout == PixelLayout::kNhwc) {
    return PixelRow{{g.height, g.width, channels}, Interleave(planes, pixels)};
  }
  return PixelRow{{channels, g.height, g.width}, std::move(planes)};
}

}  // namespace quantd
