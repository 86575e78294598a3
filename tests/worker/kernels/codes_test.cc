// Ranges, histogram bins and integer codes against their definitions, one value at a time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/kernels/kernel_values.h"
#include "worker/kernels/select_kernels.h"

namespace quantd {
namespace {

using testing::KernelInput;
using testing::SameBits;

class CodesTest : public ::testing::TestWithParam<const KernelTable*> {};

// clamp(round(x / scale) + zero point): the definition of QuantizeLinear; NaN gets the lowest code.
int64_t CodeOf(float x, float scale, int64_t zero_point, int64_t lowest, int64_t highest) {
  const double rounded = static_cast<double>(std::nearbyint(x / scale)) + static_cast<double>(zero_point);
  if (!(rounded > static_cast<double>(lowest))) return lowest;
  return rounded < static_cast<double>(highest) ? static_cast<int64_t>(rounded) : highest;
}

TEST_P(CodesTest, FollowTheDefinition) {
  std::vector<float> x = KernelInput(1000, 5, 2, true);
  const float scale = 0.02f;
  // Exact halves: 2.5 and 3.5 steps go to 2 and 4.
  x.insert(x.end(), {2.5f * 0.5f, 3.5f * 0.5f, -2.5f * 0.5f});
  std::vector<uint8_t> u8(x.size());
  std::vector<int8_t> s8(x.size());
  std::vector<float> fake(x.size()), back(x.size());
  for (const float step : {scale, 0.5f}) {
    GetParam()->quantize_u8(x.data(), x.size(), step, 130, u8.data());
    GetParam()->quantize_s8(x.data(), x.size(), step, -3, s8.data());
    GetParam()->fake_quantize(x.data(), x.size(), step, -125, 130, fake.data());
    GetParam()->dequantize_s8(s8.data(), x.size(), step, -3, back.data());
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(u8[i], CodeOf(x[i], step, 130, 0, 255)) << x[i];
      ASSERT_EQ(s8[i], CodeOf(x[i], step, -3, -128, 127)) << x[i];
      ASSERT_TRUE(SameBits(back[i], static_cast<float>(s8[i] + 3) * step)) << x[i];
      // Limits -125 and 130 are those of int8 around the zero point -3: the round trip in one step.
      ASSERT_TRUE(SameBits(fake[i], back[i])) << x[i];
    }
  }
}

TEST_P(CodesTest, RangesLeaveOutWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = KernelInput(300, 6, 2, true);
  float lower = kInfinity, upper = -kInfinity;
  for (const float v : x) {
    if (std::isfinite(v)) lower = std::fmin(lower, v), upper = std::fmax(upper, v);
  }
  const ValueRange range = GetParam()->range(x.data(), x.size());
  EXPECT_EQ(range.lower, lower);
  EXPECT_EQ(range.upper, upper);
  EXPECT_FALSE(range.finite);
  const std::vector<float> none = {kInfinity, std::numeric_limits<float>::quiet_NaN()};
  const ValueRange empty = GetParam()->range(none.data(), none.size());
  EXPECT_GT(empty.lower, empty.upper);
}

TEST_P(CodesTest, OneOddValueAnywhereIsNoticed) {
  for (size_t n = 1; n <= 70; ++n) {
    std::vector<float> x = KernelInput(n, 8, 2);
    const ValueRange range = GetParam()->range(x.data(), n);
    EXPECT_TRUE(range.finite);
    EXPECT_EQ(range.lower, *std::min_element(x.begin(), x.end()));
    EXPECT_EQ(range.upper, *std::max_element(x.begin(), x.end()));
    for (size_t i = 0; i < n; ++i) {
      for (const float odd : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        std::vector<float> other = x;
        other[i] = odd;
        EXPECT_FALSE(GetParam()->range(other.data(), n).finite) << n << " " << i;
      }
    }
  }
}

TEST_P(CodesTest, BinsAreTheFloorOfTheScaledValue) {
  std::vector<float> x = KernelInput(500, 7, 0.2);
  // Next to the ends, next to zero, and so small that the product underflows.
  x.insert(x.end(), {0.999999f, -1.0f, 1e-45f, -1e-45f, 0.0f, -0.0f, std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::quiet_NaN()});
  for (const float scale : {2048.0f, 0x1p-40f}) {
    std::vector<int32_t> bins(x.size());
    GetParam()->histogram_bins(x.data(), x.size(), scale, 4096, bins.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const int32_t expected = std::isnan(x[i])   ? 4096 + 16
                               : std::isinf(x[i]) ? 4096 + 17
                               : x[i] == 0        ? 4096 + static_cast<int32_t>(i % 16)
                                                  : static_cast<int32_t>(std::floor(double{x[i]} * scale)) + 2048;
      ASSERT_EQ(bins[i], expected) << x[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, CodesTest, ::testing::ValuesIn(RunnableKernels()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace quantd
