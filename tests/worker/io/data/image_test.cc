#include "worker/io/data/image.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestData;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

struct PngCase {
  const char* file;
  int32_t channels;
  std::vector<uint8_t> pixels;
};

// The samples are those that tests/data/make_arrays.py wrote; alpha is dropped without blending,
// and a palette is looked up: indices 0 1 / 2 0 of {9,8,7} {60,50,40} {255,254,253}.
TEST(PngTest, DecodesGrayColourAlphaAndPalettes) {
  const PngCase cases[] = {{"gray.png", 1, {0, 50, 100, 150, 200, 250}},
                           {"rgb.png", 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}},
                           {"rgba.png", 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}},
                           {"palette.png", 3, {9, 8, 7, 60, 50, 40, 255, 254, 253, 9, 8, 7}},
                           {"palette_alpha.png", 3, {9, 8, 7, 60, 50, 40}}};
  for (const PngCase& c : cases) {
    SCOPED_TRACE(c.file);
    ASSERT_OK_AND_ASSIGN(const Image image, DecodeImage(TestData(std::string("images/") + c.file)));
    EXPECT_EQ(image.channels, c.channels);
    EXPECT_EQ(image.pixels, c.pixels);
  }
}

struct PixelCase {
  int x, y;
  std::array<int, 3> rgb;
};

// Expected pixels: the JavaScript decoder jpeg-js 0.4.4. Two correct decoders may differ by
// rounding in the inverse transform and in the colour conversion.
TEST(JpegTest, AgreesWithAnIndependentDecoder) {
  ASSERT_OK_AND_ASSIGN(const Image image, DecodeImage(TestData("images/ramp.jpg")));
  ASSERT_EQ(image.width, 20);
  ASSERT_EQ(image.height, 12);
  ASSERT_EQ(image.channels, 3);
  const PixelCase cases[] = {{0, 0, {20, 239, 0}},  {19, 0, {209, 241, 94}},
                             {7, 5, {89, 165, 78}}, {10, 8, {120, 119, 121}},
                             {0, 11, {19, 76, 99}}, {19, 11, {206, 75, 190}}};
  for (const PixelCase& c : cases) {
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(image.pixels[static_cast<size_t>((c.y * 20 + c.x) * 3 + k)],
                  c.rgb[static_cast<size_t>(k)], 3)
          << c.x << "," << c.y;
    }
  }
}

TEST(ImageTest, EveryTruncationIsAnError) {
  for (const char* file : {"ramp.jpg", "gray.png", "rgba.png", "palette_alpha.png"}) {
    SCOPED_TRACE(file);
    const std::string whole = TestData(std::string("images/") + file);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_THAT(DecodeImage(absl::string_view(cut.data(), cut.size())), StatusIs(kInvalid))
          << size;
    }
  }
}

// Whatever a changed byte does, it must not crash; where it decodes, the size is consistent.
TEST(ImageTest, ChangedBytesNeverCrash) {
  for (const char* file : {"ramp.jpg", "gray.png", "palette.png"}) {
    const std::string whole = TestData(std::string("images/") + file);
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const char value : {'\x00', '\x7f', '\xff'}) {
        std::string changed = whole;
        changed[at] = value;
        const absl::StatusOr<Image> image = DecodeImage(changed);
        if (image.ok()) {
          EXPECT_EQ(image->pixels.size(),
                    static_cast<size_t>(image->width) * image->height * image->channels);
        }
      }
    }
  }
}

TEST(PngTest, AWrongChecksumOrBytesAfterTheEndAreErrors) {
  std::string png = TestData("images/gray.png");
  EXPECT_THAT(DecodeImage(png + "x"), StatusIs(kInvalid, HasSubstr("follow its end")));
  png[png.size() - 1] ^= 1;
  EXPECT_THAT(DecodeImage(png), StatusIs(kInvalid, HasSubstr("checksum")));
}

TEST(JpegTest, HugeDimensionsAreRefusedBeforeMemoryIsTaken) {
  std::string jpeg = TestData("images/ramp.jpg");
  const size_t frame =
      jpeg.find("\xff\xc0");  // SOF0: marker 2, length 2, precision 1, height 2, width 2.
  ASSERT_NE(frame, std::string::npos);
  for (const size_t i : {5, 6, 7, 8}) jpeg[frame + i] = '\x7f';  // 32639 x 32639
  EXPECT_THAT(DecodeImage(jpeg), StatusIs(kInvalid, HasSubstr("too many")));
}

TEST(ImageTest, OtherFilesAreRefused) {
  EXPECT_THAT(DecodeImage(""), StatusIs(kInvalid));
  EXPECT_THAT(DecodeImage("GIF89a"), StatusIs(kInvalid, HasSubstr("neither")));
}

}  // namespace
}  // namespace quantd
