// From decoded pixels to the numbers of one row.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/io/data/data_spec.h"
#include "worker/io/data/image.h"

namespace quantd {

// Checks what needs no image: INVALID_ARGUMENT (BAD_PREPROCESSING) names the field.
absl::Status CheckPreprocessing(const Preprocessing& preprocessing);

// Whether anything but (x * scale - mean) / std and the layout was asked for.
bool ChangesGeometryOrChannels(const Preprocessing& preprocessing);

// Pixels of an image in memory, [height, width, channels] or [channels, height, width]. Borrowed.
struct PixelView {
  const uint8_t* pixels = nullptr;
  int32_t width = 0;
  int32_t height = 0;
  int32_t channels = 0;  // 1 or 3 (RGB).
  bool planes = false;   // Channels outermost.
};

struct PixelRow {
  Shape shape;  // [C,H,W] or [H,W,C], as the layout says.
  std::vector<double> values;
};

// The shape of what PreprocessPixels gives, known before the image is touched. The same errors but
// for mean and std.
absl::StatusOr<Shape> PreprocessedShape(const PixelView& image, const Preprocessing& preprocessing,
                                        const ValueInfo& input);

// Resizes, crops, reorders channels and normalizes. ChannelOrder::kUnspecified gives one gray plane
// when the input's channel extent is 1 and RGB otherwise; a gray image becomes three equal
// channels.
//
// Resizing is bilinear between pixel centres: output pixel i lies at (i + 0.5) * in / out - 0.5 of
// the input, clamped to its edge, and takes the two nearest pixels an axis. There is no
// antialiasing filter when shrinking and no rounding back to integers. A crop starts at (size -
// crop) / 2, rounded down.
//
// Errors: INVALID_ARGUMENT with a plain message when the image is smaller than the crop;
//         BAD_PREPROCESSING when mean or std do not match the channels.
absl::StatusOr<PixelRow> PreprocessPixels(const PixelView& image,
                                          const Preprocessing& preprocessing,
                                          const ValueInfo& input);

}  // namespace quantd
