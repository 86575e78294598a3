#include <png.h>
#include <zlib.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/byte_reader.h"
#include "worker/io/data/image.h"

namespace quantd {
namespace {

constexpr size_t kSignatureBytes = 8;
constexpr size_t kChunkFrameBytes = 12;  // Length, type, checksum.

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable PNG image: ", problem));
}

// Walks the chunks (PNG specification, section 5): libpng stops once it has the pixels, and would
// miss a file that is cut after them. IHDR comes first, IEND closes the file, and every checksum
// matches.
absl::Status CheckChunks(absl::string_view bytes) {
  bytes.remove_prefix(std::min(kSignatureBytes, bytes.size()));
  for (bool first = true;; first = false) {
    if (bytes.size() < kChunkFrameBytes) return Bad("it is truncated");
    const size_t length = BigEndian32At(bytes, 0);
    if (length > bytes.size() - kChunkFrameBytes) return Bad("it is truncated");
    const absl::string_view type = bytes.substr(4, 4);
    if (first != (type == "IHDR")) return Bad("its header is not the first chunk");
    const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + 4), length + 4);
    if (crc != BigEndian32At(bytes, 8 + length)) return Bad("a checksum does not match");
    bytes.remove_prefix(kChunkFrameBytes + length);
    if (type == "IEND") break;
  }
  if (!bytes.empty()) return Bad(absl::StrCat(bytes.size(), " bytes follow its end"));
  return absl::OkStatus();
}

absl::StatusOr<Image> Decode(png_image* png, absl::string_view bytes) {
  if (png_image_begin_read_from_memory(png, bytes.data(), bytes.size()) == 0)
    return Bad(png->message);
  const int64_t width = png->width;
  const int64_t height = png->height;
  if (width > kImageSideMax || height > kImageSideMax || width * height > kImagePixelsMax) {
    return Bad(absl::StrCat(width, "x", height, " pixels are too many"));
  }
  if ((png->format & PNG_FORMAT_FLAG_LINEAR) != 0) return Bad("16 bits a sample; convert it to 8");

  // With alpha, ask for alpha and drop it: libpng would otherwise blend the pixels with a
  // background.
  const bool color = (png->format & PNG_FORMAT_FLAG_COLOR) != 0;
  const bool alpha = (png->format & PNG_FORMAT_FLAG_ALPHA) != 0;
  png->format = color ? (alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB)
                      : (alpha ? PNG_FORMAT_GA : PNG_FORMAT_GRAY);
  Image image{static_cast<int32_t>(width), static_cast<int32_t>(height), color ? 3 : 1, {}};
  const size_t stored = image.channels + (alpha ? 1 : 0);
  const size_t pixels = static_cast<size_t>(width * height);
  RETURN_IF_ERROR(CheckUnpackRatio(static_cast<int64_t>(bytes.size()),
                                   static_cast<int64_t>(pixels * stored)));
  image.pixels.resize(pixels * stored);
  if (png_image_finish_read(png, nullptr, image.pixels.data(), 0, nullptr) == 0) {
    return Bad(png->message);
  }
  if (alpha) {
    for (size_t i = 0; i < pixels; ++i) {
      std::memmove(&image.pixels[i * image.channels], &image.pixels[i * stored], image.channels);
    }
    image.pixels.resize(pixels * image.channels);
  }
  return image;
}

}  // namespace

absl::StatusOr<Image> DecodePng(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckChunks(bytes));
  png_image png;
  std::memset(&png, 0, sizeof(png));
  png.version = PNG_IMAGE_VERSION;
  absl::StatusOr<Image> image = Decode(&png, bytes);
  png_image_free(&png);
  return image;
}

}  // namespace quantd
