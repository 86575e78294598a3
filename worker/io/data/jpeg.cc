// libjpeg reports errors by calling back, and the callback must not return: it jumps. The frames
// that a jump leaves hold no object with a destructor; pixels belong to the caller of those frames.
// clang-format off: jpeglib.h needs FILE and size_t declared before it.
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>
// clang-format on

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/io/data/array_limits.h"
#include "worker/io/data/image.h"

namespace quantd {
namespace {

// A progressive file may repeat scans without end over a huge image; honest encoders write about
// ten.
constexpr int kScansMax = 100;

struct Decoder {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf on_error;
  char message[JMSG_LENGTH_MAX];
};

Decoder* DecoderOf(j_common_ptr jpeg) { return static_cast<Decoder*>(jpeg->client_data); }

[[noreturn]] void Fail(j_common_ptr jpeg) {
  Decoder* decoder = DecoderOf(jpeg);
  jpeg->err->format_message(jpeg, decoder->message);
  std::longjmp(decoder->on_error, 1);
}

// Level -1 is a warning: libjpeg would go on with made-up pixels. Higher levels are traces.
void OnMessage(j_common_ptr jpeg, int level) {
  if (level < 0) Fail(jpeg);
}

void OnProgress(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kScansMax) return;
  Decoder* decoder = DecoderOf(jpeg);
  std::snprintf(decoder->message, sizeof(decoder->message), "more than %d scans", kScansMax);
  std::longjmp(decoder->on_error, 1);
}

bool ReadHeader(Decoder* decoder, absl::string_view bytes) {
  if (setjmp(decoder->on_error) != 0) return false;
  jpeg_create_decompress(&decoder->jpeg);
  decoder->jpeg.client_data = decoder;
  decoder->jpeg.progress = &decoder->progress;
  jpeg_mem_src(&decoder->jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&decoder->jpeg, TRUE);
  return true;
}

bool ReadPixels(Decoder* decoder, uint8_t* pixels, size_t row_bytes) {
  if (setjmp(decoder->on_error) != 0) return false;
  jpeg_start_decompress(&decoder->jpeg);
  while (decoder->jpeg.output_scanline < decoder->jpeg.output_height) {
    JSAMPROW row = pixels + decoder->jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder->jpeg, &row, 1);
  }
  jpeg_finish_decompress(&decoder->jpeg);
  return true;
}

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a readable JPEG image: ", problem));
}

absl::StatusOr<Image> Decode(Decoder* decoder, absl::string_view bytes) {
  if (!ReadHeader(decoder, bytes)) return Bad(decoder->message);
  jpeg_decompress_struct& jpeg = decoder->jpeg;
  const int64_t width = jpeg.image_width;
  const int64_t height = jpeg.image_height;
  if (width > kImageSideMax || height > kImageSideMax || width * height > kImagePixelsMax) {
    return Bad(absl::StrCat(width, "x", height, " pixels are too many"));
  }
  if (jpeg.num_components != 1 && jpeg.num_components != 3) {
    return Bad(absl::StrCat(jpeg.num_components, " components; gray (1) and colour (3) are read"));
  }
  jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.dct_method = JDCT_ISLOW;
  Image image{static_cast<int32_t>(width), static_cast<int32_t>(height), jpeg.num_components, {}};
  const size_t row_bytes = static_cast<size_t>(width) * image.channels;
  RETURN_IF_ERROR(CheckUnpackRatio(static_cast<int64_t>(bytes.size()),
                                   static_cast<int64_t>(row_bytes) * height));
  image.pixels.resize(row_bytes * static_cast<size_t>(height));
  if (!ReadPixels(decoder, image.pixels.data(), row_bytes)) return Bad(decoder->message);
  return image;
}

}  // namespace

absl::StatusOr<Image> DecodeJpeg(absl::string_view bytes) {
  Decoder decoder;
  std::memset(&decoder, 0, sizeof(decoder));
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = Fail;
  decoder.errors.emit_message = OnMessage;
  decoder.progress.progress_monitor = OnProgress;
  decoder.jpeg.client_data = &decoder;
  absl::StatusOr<Image> image = Decode(&decoder, bytes);
  jpeg_destroy_decompress(&decoder.jpeg);
  return image;
}

}  // namespace quantd
