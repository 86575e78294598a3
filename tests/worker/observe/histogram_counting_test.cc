// The histogram's fast counting against counting value by value, over sizes that take every path.
#include <cmath>
#include <limits>
#include <vector>

#include "common/random.h"
#include "gtest/gtest.h"
#include "worker/observe/power_of_two_histogram.h"

namespace quantd {
namespace {

std::vector<float> Mixed(size_t n, double magnitude, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& x : values) {
    x = static_cast<float>((random.Uniform() * 2 - 1) * magnitude);
    const uint64_t odd = random.Below(20);
    if (odd == 0) x = 0;
    if (odd == 1) x = std::numeric_limits<float>::quiet_NaN();
    if (odd == 2) x = -std::numeric_limits<float>::infinity();
  }
  return values;
}

struct CountingCase {
  int bins;
  size_t values;
  double magnitude;
};

class HistogramCounting : public ::testing::TestWithParam<CountingCase> {};

TEST_P(HistogramCounting, EqualsOneByOne) {
  const auto [bins, n, magnitude] = GetParam();
  const std::vector<float> values = Mixed(n, magnitude, 7);
  PowerOfTwoHistogram histogram(bins);
  histogram.Update(values);

  double largest = 0;
  for (const float x : values) {
    if (std::isfinite(x)) largest = std::fmax(largest, std::fabs(x));
  }
  double radius = 1;
  while (radius <= largest) radius *= 2;
  while (radius / 2 > largest) radius /= 2;
  ASSERT_EQ(histogram.radius(), radius);
  std::vector<uint64_t> counts(static_cast<size_t>(bins), 0);
  uint64_t zeros = 0, not_a_number = 0, infinite = 0;
  for (const float x : values) {
    if (std::isnan(x)) {
      ++not_a_number;
    } else if (std::isinf(x)) {
      ++infinite;
    } else if (x == 0) {
      ++zeros;
    } else {
      ++counts[static_cast<size_t>(std::floor(double{x} / (2 * radius / bins))) + static_cast<size_t>(bins / 2)];
    }
  }
  EXPECT_EQ(std::vector<uint64_t>(histogram.counts().begin(), histogram.counts().end()), counts);
  EXPECT_EQ(histogram.zeros(), zeros);
  EXPECT_EQ(histogram.not_a_number(), not_a_number);
  EXPECT_EQ(histogram.infinite(), infinite);
}

// Few and many values; bins that are no power of two; magnitudes whose scale is no normal float.
INSTANTIATE_TEST_SUITE_P(Paths, HistogramCounting,
                         ::testing::Values(CountingCase{4096, 10, 3}, CountingCase{4096, 50001, 3},
                                           CountingCase{64, 5000, 1e30}, CountingCase{12, 5000, 0.1},
                                           CountingCase{4096, 3000, 1e-38}, CountingCase{4096, 3000, 1e-42}));

}  // namespace
}  // namespace quantd
