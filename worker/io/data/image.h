// Decoded images, and the decoders: JPEG (baseline and progressive, gray or colour) and PNG (8 bits
// a sample or fewer, or a palette; alpha is dropped).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

inline constexpr int64_t kImageSideMax = 16384;  // Pixels.
inline constexpr int64_t kImagePixelsMax = int64_t{1} << 26;
inline constexpr int64_t kImageFileBytesMax = int64_t{256} << 20;

struct Image {
  int32_t width = 0;  // Pixels.
  int32_t height = 0;
  int32_t channels = 0;         // 1 (gray) or 3 (RGB).
  std::vector<uint8_t> pixels;  // [height, width, channels].
};

// Each returns INVALID_ARGUMENT with a plain message for damaged or truncated data, data that
// libjpeg warns about, sides above kImageSideMax, more than kImagePixelsMax pixels, or a variant
// not listed above. EXIF orientation and colour profiles are not applied. Thread-safe.
absl::StatusOr<Image> DecodeJpeg(absl::string_view bytes);
absl::StatusOr<Image> DecodePng(absl::string_view bytes);

// Chooses by the first bytes.
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

}  // namespace quantd
