// The 16-bit floating-point types, by their definition.
#include "worker/formats/half_float.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quantd {
namespace {

TEST(HalfTest, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t half = 0; half < 65536; ++half) {
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    if (std::isnan(value)) {
      EXPECT_EQ(half & 0x7c00, 0x7c00u);
      continue;
    }
    EXPECT_EQ(FloatToHalf(value), half);
    // Definition: (-1)^s * 2^(e-15) * (1 + f/1024), or 2^-14 * f/1024 for e = 0.
    const int e = static_cast<int>(half >> 10 & 31), f = static_cast<int>(half & 1023);
    if (e == 31) continue;
    const double magnitude = e == 0 ? std::ldexp(f, -24) : std::ldexp(1024 + f, e - 25);
    EXPECT_EQ(value, half & 0x8000 ? -magnitude : magnitude);
  }
}

TEST(HalfTest, RoundsToNearestWithTiesToEven) {
  EXPECT_EQ(FloatToHalf(2049.0f), 0x6800);  // Between 2048 (0x6800) and 2050: even.
  EXPECT_EQ(FloatToHalf(2051.0f), 0x6802);  // Between 2050 and 2052 (0x6802): even.
  EXPECT_EQ(FloatToHalf(2049.5f), 0x6801);
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7bff);                // 65504 is the largest.
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);                // Halfway to 65536: infinite.
  EXPECT_EQ(FloatToHalf(-std::ldexp(1.0f, -25)), 0x8000);  // Half the smallest: to even, -0.
  EXPECT_EQ(FloatToHalf(std::ldexp(1.5f, -25)), 0x0001);
  EXPECT_EQ(FloatToHalf(std::ldexp(2047.0f, -25)), 0x0400);  // Largest subnormal tie: carries.
}

TEST(BfloatTest, RoundsToNearestWithTiesToEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t bfloat = static_cast<uint16_t>(bits);
    const float value = BfloatToFloat(bfloat);
    if (std::isnan(value)) continue;
    EXPECT_EQ(FloatToBfloat(value), bfloat);
  }
  // One place of 1 is 2^-7: 1 + 2^-8 lies halfway between 0x3f80 and 0x3f81, 1 + 3 * 2^-8 between 0x3f81 and 0x3f82.
  EXPECT_EQ(FloatToBfloat(1 + std::ldexp(1.0f, -8)), 0x3f80);
  EXPECT_EQ(FloatToBfloat(1 + std::ldexp(3.0f, -8)), 0x3f82);
  EXPECT_EQ(FloatToBfloat(1 + std::ldexp(1.0f, -8) + std::ldexp(1.0f, -20)), 0x3f81);
  EXPECT_EQ(FloatToBfloat(-std::numeric_limits<float>::max()), 0xff80);  // Infinite.
  EXPECT_TRUE(std::isnan(BfloatToFloat(FloatToBfloat(std::nanf("1")))));
}

// 1 + 2^-11 + 2^-40 is above the tie between the halves 1 and 1 + 2^-10. Rounded to float first it is the tie itself,
// and the tie goes to 1.
TEST(RoundedToOddTest, RoundsADoubleOnlyOnce) {
  const double above = 1 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  EXPECT_EQ(FloatToHalf(static_cast<float>(above)), 0x3c00);
  EXPECT_EQ(FloatToHalf(RoundedToOdd(above)), 0x3c01);
  EXPECT_EQ(FloatToHalf(RoundedToOdd(-above)), 0xbc01);
  const double below = 1 + std::ldexp(3.0, -11) - std::ldexp(1.0, -40);  // Below the tie of 0x3c01 and 0x3c02.
  EXPECT_EQ(FloatToHalf(static_cast<float>(below)), 0x3c02);
  EXPECT_EQ(FloatToHalf(RoundedToOdd(below)), 0x3c01);
  EXPECT_EQ(RoundedToOdd(0.5), 0.5f);
  EXPECT_EQ(RoundedToOdd(-0.0), 0.0f);
  EXPECT_EQ(RoundedToOdd(1e-300), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(RoundedToOdd(-1e300), -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace quantd
