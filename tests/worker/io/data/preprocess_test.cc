#include "worker/io/data/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::Input;
using testing::NamesField;
using testing::StatusIs;

const uint8_t kColour[] = {1, 2, 3, 4, 5, 6};  // 2x1 pixels: (1,2,3) (4,5,6).
const PixelView kTwo{kColour, 2, 1, 3, false};
const ValueInfo kRgbInput = Input("x", DataType::kFloat, {-1, 3, -1, -1});
const ValueInfo kGrayInput = Input("x", DataType::kFloat, {-1, 1, -1, -1});

TEST(PreprocessTest, LayoutsAndChannelOrders) {
  Preprocessing p;
  ASSERT_OK_AND_ASSIGN(PixelRow row, PreprocessPixels(kTwo, p, kRgbInput));
  EXPECT_EQ(row.shape, Shape({3, 1, 2}));
  EXPECT_THAT(row.values, ElementsAre(1, 4, 2, 5, 3, 6));
  p.channels = ChannelOrder::kBgr;
  ASSERT_OK_AND_ASSIGN(row, PreprocessPixels(kTwo, p, kRgbInput));
  EXPECT_THAT(row.values, ElementsAre(3, 6, 2, 5, 1, 4));
  p.layout = PixelLayout::kNhwc;
  ASSERT_OK_AND_ASSIGN(row, PreprocessPixels(kTwo, p, kRgbInput));
  EXPECT_EQ(row.shape, Shape({1, 2, 3}));
  EXPECT_THAT(row.values, ElementsAre(3, 2, 1, 6, 5, 4));
}

TEST(PreprocessTest, GrayFollowsTheModelAndIsLuma) {
  ASSERT_OK_AND_ASSIGN(const PixelRow row, PreprocessPixels(kTwo, Preprocessing(), kGrayInput));
  EXPECT_EQ(row.shape, Shape({1, 1, 2}));
  // 0.299*1 + 0.587*2 + 0.114*3 = 1.815; every channel of the second pixel is 3 more: 4.815.
  EXPECT_NEAR(row.values[0], 1.815, 1e-12);
  EXPECT_NEAR(row.values[1], 4.815, 1e-12);
  const uint8_t gray[] = {9};
  ASSERT_OK_AND_ASSIGN(const PixelRow three,
                       PreprocessPixels({gray, 1, 1, 1, false}, Preprocessing(), kRgbInput));
  EXPECT_THAT(three.values, ElementsAre(9, 9, 9));
}

TEST(PreprocessTest, NormalizesAfterTheChannelsAreInOrder) {
  Preprocessing p;
  p.channels = ChannelOrder::kBgr;
  p.scale = 2;
  p.mean = {1, 2, 3};
  p.std = {1, 2, 4};
  ASSERT_OK_AND_ASSIGN(const PixelRow row, PreprocessPixels(kTwo, p, kRgbInput));
  // Channel 0 is blue: (3*2-1)/1 = 5, (6*2-1)/1 = 11; green (2*2-2)/2 = 1, (5*2-2)/2 = 4; red
  // (1*2-3)/4 = -0.25, (4*2-3)/4 = 1.25.
  EXPECT_THAT(row.values, ElementsAre(5, 11, 1, 4, -0.25, 1.25));
}

TEST(PreprocessTest, ResizesBetweenPixelCentres) {
  const uint8_t gray[] = {0, 100, 200, 60};  // 4x1.
  Preprocessing p;
  p.resize_width = 2;
  p.resize_height = 1;
  // Positions (i + 0.5) * 4/2 - 0.5 = 0.5 and 2.5: (0+100)/2 = 50, (200+60)/2 = 130.
  ASSERT_OK_AND_ASSIGN(PixelRow row, PreprocessPixels({gray, 4, 1, 1, false}, p, kGrayInput));
  EXPECT_THAT(row.values, ElementsAre(50, 130));
  p.resize_width = 8;
  // Positions -0.25 (clamped to 0), 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25 (clamped to 3).
  ASSERT_OK_AND_ASSIGN(row, PreprocessPixels({gray, 4, 1, 1, false}, p, kGrayInput));
  EXPECT_THAT(row.values, ElementsAre(0, 25, 75, 125, 175, 165, 95, 60));
}

TEST(PreprocessTest, TheShorterSideKeepsTheAspectAndTheCropIsCentred) {
  std::vector<uint8_t> ramp(6 * 4);  // 6x4, value = column.
  for (size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<uint8_t>(i % 6);
  Preprocessing p;
  p.resize_shorter_side = 2;
  ASSERT_OK_AND_ASSIGN(PixelRow row,
                       PreprocessPixels({ramp.data(), 6, 4, 1, false}, p, kGrayInput));
  EXPECT_EQ(row.shape, Shape({1, 2, 3}));
  EXPECT_THAT(row.values, ElementsAre(0.5, 2.5, 4.5, 0.5, 2.5, 4.5));
  p = Preprocessing();
  p.crop_width = 3;
  p.crop_height = 1;
  // Columns begin at (6-3)/2 = 1.
  ASSERT_OK_AND_ASSIGN(row, PreprocessPixels({ramp.data(), 6, 4, 1, false}, p, kGrayInput));
  EXPECT_THAT(row.values, ElementsAre(1, 2, 3));
}

TEST(PreprocessTest, PlanesAndInterleavedPixelsAreTheSameImage) {
  const uint8_t planes[] = {1, 4, 2, 5, 3, 6};
  ASSERT_OK_AND_ASSIGN(const PixelRow a, PreprocessPixels(kTwo, Preprocessing(), kRgbInput));
  ASSERT_OK_AND_ASSIGN(const PixelRow b,
                       PreprocessPixels({planes, 2, 1, 3, true}, Preprocessing(), kRgbInput));
  EXPECT_EQ(a.values, b.values);
}

TEST(PreprocessTest, ImagesSmallerThanTheCropOrTooLargeAreErrors) {
  Preprocessing p;
  p.crop_width = 3;
  p.crop_height = 1;
  EXPECT_THAT(PreprocessPixels(kTwo, p, kRgbInput),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2x1")));
  p = Preprocessing();
  p.resize_shorter_side = 16384;  // The longer side would be 32768.
  EXPECT_THAT(PreprocessPixels(kTwo, p, kRgbInput),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too many")));
  p = Preprocessing();
  p.mean = {1, 2};
  EXPECT_THAT(PreprocessPixels(kTwo, p, kRgbInput), HasReason("BAD_PREPROCESSING"));
}

TEST(PreprocessTest, EachBadFieldIsNamed) {
  const auto check = [](auto change) {
    Preprocessing p;
    change(p);
    return CheckPreprocessing(p);
  };
  EXPECT_OK(CheckPreprocessing(Preprocessing()));
  EXPECT_THAT(check([](auto& p) { p.resize_width = 5; }),
              NamesField("data.preprocessing.resize_height"));
  EXPECT_THAT(check([](auto& p) { p.crop_height = -1; }),
              NamesField("data.preprocessing.crop_height"));
  EXPECT_THAT(check([](auto& p) { p.resize_shorter_side = 16385; }),
              NamesField("data.preprocessing.resize_shorter_side"));
  EXPECT_THAT(check([](auto& p) { p.scale = 0; }), NamesField("data.preprocessing.scale"));
  EXPECT_THAT(check([](auto& p) { p.mean = {std::nan("")}; }),
              NamesField("data.preprocessing.mean"));
  EXPECT_THAT(check([](auto& p) { p.std = {1, 0}; }), NamesField("data.preprocessing.std"));
}

}  // namespace
}  // namespace quantd
