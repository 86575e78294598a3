// Images: PNG written chunk by chunk, JPEG by libjpeg and then bent.
//
// jpeglib.h needs FILE and size_t declared before it.
// clang-format off
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>
#include <zlib.h>
// clang-format on

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/random.h"
#include "tests/hostile/archive.h"
#include "tests/hostile/common_rows.h"
#include "tests/hostile/data_reader.h"
#include "tests/hostile/reader.h"

namespace quantd::hostile {
namespace {

constexpr int kSide = 32;  // Pixels.
constexpr uint32_t kMost = 0xffffffff;

std::string NoisePixels() {
  Random random(7);
  std::string pixels;
  for (int i = 0; i < kSide * kSide * 3; ++i) {
    pixels.push_back(static_cast<char>(random.Below(256)));
  }
  return pixels;
}

std::string Chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  return Be32(data.size()) + checked + Be32(crc);
}

// IHDR: width, height, bits a sample, colour type (0 gray, 2 RGB, 3 palette, 6 RGBA), interlacing.
std::string Header(uint32_t width, uint32_t height, int bits = 8, int colour = 2,
                   int interlaced = 0) {
  return Chunk("IHDR", Be32(width) + Be32(height) +
                           std::string({static_cast<char>(bits), static_cast<char>(colour), 0, 0,
                                        static_cast<char>(interlaced)}));
}

std::string Png(const std::string& header, const std::string& chunks) {
  return "\x89PNG\r\n\x1a\n" + header + chunks + Chunk("IEND", "");
}

// Every row begins with its filter's number.
std::string Pixels() {
  const std::string noise = NoisePixels();
  std::string rows;
  for (int y = 0; y < kSide; ++y) {
    rows += std::string(1, '\0') + noise.substr(static_cast<size_t>(y) * kSide * 3, kSide * 3);
  }
  return Chunk("IDAT", Deflated(rows, 0, Wrapper::kZlib));
}

std::string ValidPng() { return Png(Header(kSide, kSide), Pixels()); }

// A black image, which takes a thousandth of its pixels' bytes.
std::string BlackPng(uint32_t width, uint32_t height, int channels) {
  const int64_t bytes = (int64_t{width} * channels + 1) * height;
  return Png(Header(width, height, 8,
                    channels == 4   ? 6
                    : channels == 3 ? 2
                                    : 0),
             Chunk("IDAT", Deflated("", bytes, Wrapper::kZlib)));
}

// A text chunk that unpacks to 64 MiB.
std::string TextBomb() {
  return Chunk("zTXt", std::string("k\0\0", 3) + Deflated("", 64 << 20, Wrapper::kZlib));
}

std::string ProfileBomb() {
  return Chunk("iCCP", std::string("k\0\0", 3) + Deflated("", 64 << 20, Wrapper::kZlib));
}

std::string ManyChunks() {
  std::string chunks;
  for (int i = 0; i < 200'000; ++i) chunks += Chunk("tEXt", std::string("k\0v", 3));
  return chunks;
}

std::vector<Row> PngRows() {
  const auto sized = [](uint32_t width, uint32_t height) {
    return Png(Header(width, height), Pixels());
  };
  std::string long_chunk = ValidPng();
  long_chunk.replace(33, 4, Be32(kMost));  // The length of IDAT.
  std::string past_end = ValidPng();
  past_end.replace(33, 4, Be32(ValidPng().size() - 33 - 12 + 1));
  return {
      Several("LengthsOfTwoToThe32", {{"a chunk", long_chunk}}, {"BAD_DATA"}),
      Several("OnePastTheEnd", {{"a chunk", past_end}, {"a row more", sized(kSide, kSide + 1)}},
              {"BAD_DATA"}),
      Several("ShapeOverflow",
              {{"2^31 - 1", sized(0x7fffffff, 0x7fffffff)}, {"2^16", sized(65536, 65536)}},
              {"BAD_DATA"}),
      Several("ZeroDimension", {{"width", sized(0, kSide)}, {"height", sized(kSide, 0)}},
              {"BAD_DATA"}),
      Several("NegativeDimension",
              {{"width", sized(kMost, kSide)}, {"height", sized(kSide, kMost)}}, {"BAD_DATA"}),
      Several("ExabyteImage",
              {{"16 bits RGBA", Png(Header(0x7fffffff, 0x7fffffff, 16, 6), Pixels())}},
              {"BAD_DATA"}),
      Several("UnknownType",
              {{"colour 5", Png(Header(kSide, kSide, 8, 5), Pixels())},
               {"3 bits", Png(Header(kSide, kSide, 3, 0), Pixels())},
               {"16 bits", Png(Header(kSide, kSide, 16, 2), Pixels())},
               {"palette without a palette", Png(Header(kSide, kSide, 8, 3), Pixels())},
               {"interlacing 9", Png(Header(kSide, kSide, 8, 2, 9), Pixels())}},
              {"BAD_DATA"}),
      Large("DecompressionBomb",
            [=] {
              return std::vector<Variant>{{"201 MB of RGB", BlackPng(16384, 4096, 3)},
                                          {"268 MB of RGBA", BlackPng(16384, 4096, 4)}};
            },
            {"BAD_DATA"}),
      // Allowed as an image, but not one that this model takes; its pixels must not become numbers.
      Large("LargeImage",
            [=] {
              return std::vector<Variant>{{"4700x4700", BlackPng(4700, 4700, 3)}};
            },
            {"INPUT_SHAPE_MISMATCH"}),
      Allowed(Large("BombBesideThePixels",
                    [=] {
                      return std::vector<Variant>{
                          {"text", Png(Header(kSide, kSide), TextBomb() + Pixels())},
                          {"more pixels than the header says",
                           Png(Header(kSide, kSide),
                               Chunk("IDAT", Deflated("", 512 << 20, Wrapper::kZlib)))},
                          {"profile", Png(Header(kSide, kSide), ProfileBomb() + Pixels())},
                          {"200,000 chunks", Png(Header(kSide, kSide), ManyChunks() + Pixels())}};
                    },
                    {"BAD_DATA"}),
              "texts, profiles and what follows the last pixel are not read"),
  };
}

std::string Jpeg(int width, int height, const std::string& pixels, bool progressive = false) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type.
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  const size_t row_bytes = static_cast<size_t>(width) * 3;
  while (jpeg.next_scanline < jpeg.image_height) {
    // One row of pixels serves for all where there is no more than one.
    const size_t offset = (jpeg.next_scanline * row_bytes) % pixels.size();
    auto* row = reinterpret_cast<JSAMPROW>(const_cast<char*>(pixels.data() + offset));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<const char*>(memory), size);
  jpeg_destroy_compress(&jpeg);
  std::free(memory);
  return bytes;
}

std::string ValidJpeg() { return Jpeg(kSide, kSide, NoisePixels()); }

// Where the frame header's height is: behind FF C0, its length (2 bytes) and the precision.
size_t HeightOffset(const std::string& jpeg, const std::string& marker) {
  const size_t at = jpeg.find(marker);
  QUANTD_CHECK(at != std::string::npos);
  return at + 5;
}

std::string JpegSized(int width, int height) {
  std::string jpeg = ValidJpeg();
  const size_t at = HeightOffset(jpeg, "\xff\xc0");
  jpeg[at] = static_cast<char>(height >> 8);
  jpeg[at + 1] = static_cast<char>(height);
  jpeg[at + 2] = static_cast<char>(width >> 8);
  jpeg[at + 3] = static_cast<char>(width);
  return jpeg;
}

std::string WithByte(std::string bytes, size_t offset, int value) {
  bytes[offset] = static_cast<char>(value);
  return bytes;
}

// The last scan of a progressive image again and again: each costs time for every block.
std::string RepeatedScans(int width, int height) {
  const std::string pixels(static_cast<size_t>(width) * 3, '\x55');
  const std::string jpeg = Jpeg(width, height, pixels, /*progressive=*/true);
  const size_t last = jpeg.rfind("\xff\xda");
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  std::string bytes = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 20'000; ++i) bytes += scan;
  return bytes + "\xff\xd9";
}

std::vector<Row> JpegRows() {
  const std::string valid = ValidJpeg();
  const size_t frame = HeightOffset(valid, "\xff\xc0");
  const std::string black(16384 * 3, '\0');
  return {
      Several("LengthsBeyondTheEnd",
              {{"a segment of 65535", WithByte(WithByte(valid, 4, 0xff), 5, 0xff)},
               {"a segment of 0", WithByte(WithByte(valid, 4, 0), 5, 0)}},
              {"BAD_DATA"}),
      Several("OnePastTheEnd", {{"a row of blocks more", JpegSized(kSide, kSide + 16)}},
              {"BAD_DATA"}),
      Several("ShapeOverflow", {{"65535x65535", JpegSized(65535, 65535)}}, {"BAD_DATA"}),
      Several("ZeroDimension", {{"width", JpegSized(0, kSide)}, {"height", JpegSized(kSide, 0)}},
              {"BAD_DATA"}),
      Several("UnknownType",
              {{"12 bits", WithByte(valid, frame - 1, 12)},
               {"4 components", WithByte(valid, frame + 4, 4)},
               {"0 components", WithByte(valid, frame + 4, 0)},
               {"lossless", WithByte(valid, frame - 4, 0xc3)},
               {"arithmetic", WithByte(valid, frame - 4, 0xc9)}},
              {"BAD_DATA"}),
      Large("DecompressionBomb",
            [=] {
              return std::vector<Variant>{
                  {"201 MB of RGB", Jpeg(16384, 4096, black)},
                  {"the same, progressive", Jpeg(16384, 4096, black, true)}};
            },
            {"BAD_DATA"}),
      Large("ScansWithoutEnd",
            [=] {
              return std::vector<Variant>{{"20,000 scans", RepeatedScans(1024, 1024)}};
            },
            {"BAD_DATA"}),
  };
}

Reader ImageReader(const std::string& name, const std::string& file, const std::string& valid,
                   Common common, std::vector<Row> rows) {
  common.reason = "BAD_DATA";
  return {.name = name,
          .file = file,
          .valid = valid,
          .read =
              [file](const std::string& path) {
                return ReadAsData(file, path, {3, kSide, kSide});
              },
          .field = "data.files[" + file,
          .rows = CommonRows(common) + std::move(rows)};
}

}  // namespace

std::vector<Reader> ImageReaders() {
  return {
      ImageReader("png", "x.png", ValidPng(), {}, PngRows()),
      ImageReader("jpeg", "x.jpg", ValidJpeg(),
                  {.tail_valid_because = "cameras put previews and maker notes there",
                   .flips_valid_because = "other coefficients are other pixels"},
                  JpegRows()),
  };
}

}  // namespace quantd::hostile
