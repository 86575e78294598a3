#include "worker/formats/int_format.h"

#include <cmath>
#include <limits>
#include <set>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

// 3 and 4 bits besides the registered ones: few codes show mistakes that many hide.
std::vector<IntFormat> Formats() {
  std::vector<IntFormat> formats;
  for (const IntFormat& format : IntFormats()) {
    if (format.minifloat == nullptr) formats.push_back(format);
  }
  formats.push_back({.id = "int3", .lowest = -3, .highest = 3, .symmetric = true});
  formats.push_back({.id = "uint4", .lowest = 0, .highest = 15, .symmetric = false});
  return formats;
}

TEST(IntFormatTest, CodesByHand) {
  // [-1, 2] on 0..255: scale 3 / 255 = 0.0117647, zero point 1 / scale = 85 exactly.
  const IntFormat& format = *FindIntFormat("uint8_asym");
  const QuantParams params = format.Params(-1, 2);
  EXPECT_FLOAT_EQ(params.scale, 3.0f / 255);
  EXPECT_EQ(params.zero_point, 85);
  // 0.49 / scale = 41.65 -> 42, and 42 x scale = 0.4941176.
  EXPECT_EQ(format.Code(0.49f, params), 127);
  EXPECT_NEAR(format.RoundTrip(0.49f, params), 0.4941176, 1e-7);
  EXPECT_EQ(format.Code(0, params), 85);
  EXPECT_EQ(format.RoundTrip(0, params), 0);
  EXPECT_NEAR(format.Lower(params), -1, 1e-7);
  EXPECT_NEAR(format.Upper(params), 2, 1e-7);
}

TEST(IntFormatTest, SymmetricRangesReachTheLargerMagnitude) {
  const IntFormat& format = *FindIntFormat("int8_sym");
  const QuantParams params = format.Params(-0.5, 2.54);
  EXPECT_FLOAT_EQ(params.scale, 0.02f);  // 2.54 / 127
  EXPECT_EQ(params.zero_point, 0);
  EXPECT_EQ(format.Code(-0.5f, params), -25);
  EXPECT_EQ(format.Code(-9, params), -127);  // -128 is left out.
}

TEST(IntFormatTest, TiesGoToTheEvenCode) {
  const IntFormat& format = *FindIntFormat("int8_sym");
  const QuantParams half{.scale = 0.5f};
  EXPECT_EQ(format.Code(0.25f, half), 0);
  EXPECT_EQ(format.Code(0.75f, half), 2);
  EXPECT_EQ(format.Code(-0.25f, half), 0);
  EXPECT_EQ(format.Code(-1.25f, half), -2);
}

TEST(IntFormatTest, RangesAreWidenedToContainZero) {
  for (const IntFormat& format : Formats()) {
    for (const auto& [lower, upper] : {std::pair(1.0, 3.0), std::pair(-3.0, -1.0)}) {
      const QuantParams params = format.Params(lower, upper);
      EXPECT_EQ(format.RoundTrip(0, params), 0) << format.id;
      EXPECT_NEAR(format.RoundTrip(static_cast<float>(lower), params), lower, params.scale / 2);
      EXPECT_NEAR(format.RoundTrip(static_cast<float>(upper), params), upper, params.scale / 2);
    }
  }
}

// The oracle is the definition: of all codes, the one whose value lies nearest.
TEST(IntFormatTest, EveryNumberGetsTheNearestOfAllCodes) {
  Random random(1);
  for (const IntFormat& format : Formats()) {
    for (int round = 0; round < 300; ++round) {
      const double reach =
          std::ldexp(1 + random.Uniform(), static_cast<int>(random.Below(40)) - 20);
      const double lower = -reach * random.Uniform(), upper = reach * random.Uniform();
      const QuantParams params = format.Params(lower, upper);
      ASSERT_GE(params.zero_point, format.lowest);
      ASSERT_LE(params.zero_point, format.highest);
      const float x = static_cast<float>((2 * random.Uniform() - 1) * 1.2 * reach);
      double nearest = std::numeric_limits<double>::infinity();
      for (int code = format.lowest; code <= format.highest; ++code) {
        const double value = double{params.scale} * (code - params.zero_point);
        nearest = std::min(nearest, std::fabs(value - x));
      }
      EXPECT_NEAR(std::fabs(format.RoundTrip(x, params) - x), nearest, 1e-6 * reach) << format.id;
    }
  }
}

TEST(IntFormatTest, NumbersInTheRangeMoveByAtMostHalfAStep) {
  Random random(2);
  for (const IntFormat& format : Formats()) {
    for (int round = 0; round < 300; ++round) {
      const double lower = -random.Uniform(), upper = random.Uniform();
      const QuantParams params = format.Params(lower, upper);
      const float x = static_cast<float>(lower + (upper - lower) * random.Uniform());
      // The zero point is rounded, which may shift either end by half a step.
      EXPECT_LE(std::fabs(format.RoundTrip(x, params) - x), params.scale * 1.0001);
      if (x >= format.Lower(params) && x <= format.Upper(params)) {
        // Beside half a step, float32 itself rounds: that is seen where steps are as fine as 16 bits make them.
        EXPECT_LE(std::fabs(format.RoundTrip(x, params) - x), params.scale * 0.5001 + std::fabs(x) * 2e-7);
      }
    }
  }
}

TEST(IntFormatTest, CodesComeBackFromTheirValues) {
  for (const IntFormat& format : Formats()) {
    const QuantParams params = format.Params(-0.7, 1.9);
    for (int code = format.lowest; code <= format.highest; ++code) {
      EXPECT_EQ(format.Code(format.Value(code, params), params), code) << format.id;
    }
    EXPECT_EQ(format.levels(), int64_t{format.highest} - format.lowest + 1);
  }
}

TEST(IntFormatTest, ExtremesSaturate) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const IntFormat& format : Formats()) {
    const QuantParams params = format.Params(-1, 1);
    EXPECT_EQ(format.Code(kInfinity, params), format.highest);
    EXPECT_EQ(format.Code(-kInfinity, params), format.lowest);
    EXPECT_EQ(format.Code(3e38f, params), format.highest);
    EXPECT_EQ(format.Code(std::nanf(""), params), format.lowest);
  }
}

TEST(IntFormatTest, EmptyAndHugeRangesHaveAFiniteScale) {
  for (const IntFormat& format : Formats()) {
    for (const auto& [lower, upper] : {std::pair(0.0, 0.0), std::pair(0.0, 1e-40),
                                       std::pair(-3.4e38, 3.4e38), std::pair(-3.4e38, 0.0)}) {
      const QuantParams params = format.Params(lower, upper);
      EXPECT_GE(params.scale, 0.9e-12f) << format.id;
      EXPECT_TRUE(std::isfinite(params.scale)) << format.id;
      EXPECT_EQ(format.RoundTrip(0, params), 0) << format.id;
    }
  }
}

TEST(IntFormatTest, FormatsAreFoundById) {
  std::set<std::string> ids;
  for (const IntFormat& format : IntFormats()) {
    EXPECT_TRUE(ids.insert(format.id).second) << format.id;
    EXPECT_EQ(FindIntFormat(format.id), &format);
    EXPECT_FALSE(format.summary.empty());
  }
  EXPECT_EQ(FindIntFormat("int7"), nullptr);
  EXPECT_EQ(FindIntFormat(""), nullptr);
}

TEST(IntFormatTest, ReducedCodesNeverOverflowPairsOfProducts) {
  const IntFormat reduced = FindIntFormat("int8_sym")->Reduced();
  EXPECT_EQ(reduced.lowest, -64);
  EXPECT_EQ(reduced.highest, 64);
  EXPECT_LT(2 * 255 * reduced.highest, 1 << 15);
  EXPECT_GE(2 * 255 * FindIntFormat("int8_sym")->highest, 1 << 15);
  const QuantParams params = reduced.Params(-1, 0.5);
  EXPECT_FLOAT_EQ(params.scale, 1.0f / 64);
  EXPECT_EQ(reduced.Code(-7, params), -64);
}

// Codes of E4M3 by hand: 1.0 = 0 0111 000 = 0x38, 448 = 0 1111 110 = 0x7e, 0.0625 = 2^-4 = 0 0011 000 = 0x18.
TEST(IntFormatTest, FloatingPointCodesByHand) {
  const IntFormat& format = *FindIntFormat("float8e4m3fn");
  const QuantParams params = format.Params(-1, 4.48);
  EXPECT_FLOAT_EQ(params.scale, 0.01f);  // 4.48 / 448
  EXPECT_EQ(params.zero_point, 0);
  EXPECT_EQ(format.Code(0.01f, params), 0x38);
  EXPECT_EQ(format.Code(4.48f, params), 0x7e);
  EXPECT_EQ(format.Code(100, params), 0x7e);  // Saturates.
  EXPECT_EQ(format.Code(-0.000625f, params), 0x98);
  EXPECT_FLOAT_EQ(format.RoundTrip(-0.000625f, params), -0.000625f);
  // 17 / 16 lies halfway between 1 and 9 / 8: ties to the even mantissa.
  EXPECT_FLOAT_EQ(format.RoundTrip(1.0625f, {.scale = 1}), 1);
  EXPECT_NEAR(format.Upper(params), 4.48, 1e-6);
  EXPECT_NEAR(format.Lower(params), -4.48, 1e-6);
  EXPECT_FLOAT_EQ(FindIntFormat("float8e5m2")->Params(0, 57344).scale, 1);
}

}  // namespace
}  // namespace quantd
