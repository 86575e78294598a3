// minmax, moving_average, percentile and entropy: ranges that a few lines of arithmetic can check.
#include <limits>

#include "tests/support/status_matchers.h"
#include "tests/worker/methods/range/range_bench.h"
#include "worker/methods/entropy_clip.h"

namespace quantd {
namespace {

using testing::HeavyTailed;
using testing::Int8;
using testing::MakeRange;
using testing::Observe;
using testing::Uint8;

TEST(MinmaxRangeTest, CoversEverything) {
  const ClipRange range =
      MakeRange({"minmax"})->ForActivation(Observe({{-1, 2}, {-3, 0.5f}}), Uint8());
  EXPECT_EQ(range.lower, -3);
  EXPECT_EQ(range.upper, 2);
  const ClipRange weights = MakeRange({"minmax"})->ForWeights(std::vector<float>{3, 1, 2}, Int8());
  EXPECT_EQ(weights.lower, 1);
  EXPECT_EQ(weights.upper, 3);
}

TEST(MovingAverageRangeTest, AveragesBatchesInOrder) {
  // 0.9 x -1 + 0.1 x -3 = -1.2 and 0.9 x 1 + 0.1 x 5 = 1.4; then 0.9 x -1.2 + 0.1 x -1 = -1.18 and
  // 0.9 x 1.4 + 0.1 x 1 = 1.36.
  const TensorStatistics statistics = Observe({{-1, 1}, {-3, 5}, {-1, 1}});
  const ClipRange range = MakeRange({"moving_average"})->ForActivation(statistics, Uint8());
  EXPECT_NEAR(range.lower, -1.18, 1e-12);
  EXPECT_NEAR(range.upper, 1.36, 1e-12);
}

TEST(MovingAverageRangeTest, WithoutMomentumTheLastBatchCounts) {
  const ClipRange range = MakeRange({"moving_average", {{"momentum", 0.0}}})
                              ->ForActivation(Observe({{-9, 9}, {-1, 2}}), Uint8());
  EXPECT_EQ(range.lower, -1);
  EXPECT_EQ(range.upper, 2);
}

TEST(MovingAverageRangeTest, BatchesWithoutAFiniteValueAreSkipped) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto method = MakeRange({"moving_average"});
  const ClipRange with = method->ForActivation(Observe({{nan}, {-1, 1}, {}, {-3, 5}}), Uint8());
  const ClipRange without = method->ForActivation(Observe({{-1, 1}, {-3, 5}}), Uint8());
  EXPECT_EQ(with.lower, without.lower);
  EXPECT_EQ(with.upper, without.upper);
}

TEST(PercentileRangeTest, CutsTheSameShareOffBothTails) {
  std::vector<float> values;
  for (int i = 0; i < 10000; ++i) values.push_back(static_cast<float>(i - 5000) / 5000);
  // Uniform on [-1, 1): the quantiles of 1 % and 99 % are -0.98 and 0.98, up to a bin of 2 / 4096.
  const TensorStatistics statistics = Observe({values});
  const ClipRange range =
      MakeRange({"percentile", {{"p", 0.99}}})->ForActivation(statistics, Uint8());
  EXPECT_NEAR(range.lower, -0.98, statistics.histogram().bin_width());
  EXPECT_NEAR(range.upper, 0.98, statistics.histogram().bin_width());
}

TEST(PercentileRangeTest, OfOneIsMinmax) {
  const TensorStatistics statistics = Observe({HeavyTailed(1000, 1)});
  const ClipRange range =
      MakeRange({"percentile", {{"p", 1.0}}})->ForActivation(statistics, Uint8());
  EXPECT_NEAR(range.lower, statistics.min(), statistics.histogram().bin_width());
  EXPECT_EQ(range.upper, statistics.max());
}

TEST(PercentileRangeTest, OfWeightsIsTheMagnitudeOfThatRank) {
  // Ranks by magnitude: 1, 2, 3, 4; ceil(0.75 x 4) = 3.
  const std::vector<float> weights = {-2, 4, 1, -3};
  const ClipRange range = MakeRange({"percentile", {{"p", 0.75}}})->ForWeights(weights, Int8());
  EXPECT_EQ(range.lower, -3);
  EXPECT_EQ(range.upper, 3);
  EXPECT_EQ(MakeRange({"percentile", {{"p", 0.76}}})->ForWeights(weights, Int8()).upper, 4);
  EXPECT_EQ(MakeRange({"percentile", {{"p", 1.0}}})->ForWeights(weights, Int8()).upper, 4);
}

TEST(PercentileRangeTest, ClipsRareOutliers) {
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000) / 1000;
  values[500] = 100;
  EXPECT_LT(MakeRange({"percentile"})->ForActivation(Observe({values}), Uint8()).upper, 1.1);
}

TEST(EntropyRangeTest, ClipsALongThinTail) {
  // A bell of width 1 and a handful of values up to 60.
  std::vector<float> values = HeavyTailed(60000, 7);
  for (int i = 0; i < 12; ++i) values.push_back(static_cast<float>(5 * i));
  const ClipRange range = MakeRange({"entropy"})->ForActivation(Observe({values}), Uint8());
  EXPECT_LT(range.upper, 40);
  EXPECT_GT(range.upper, 2);
  EXPECT_LT(range.lower, -2);
}

// What the search keeps of the magnitudes of `values`, counted in bins of `width`.
double EntropyClipOf(const std::vector<float>& values, double width, int levels) {
  std::vector<double> magnitudes;
  for (const float x : values) {
    const size_t bin = static_cast<size_t>(std::fabs(x) / width);
    if (bin >= magnitudes.size()) magnitudes.resize(bin + 1, 0);
    ++magnitudes[bin];
  }
  return EntropyClipBins(magnitudes, levels, levels) * width;
}

// The search itself has a test of its own.
TEST(EntropyRangeTest, OneSignHasAllLevelsOfACodeWithAZeroPoint) {
  for (const float sign : {1.0f, -1.0f}) {
    std::vector<float> values;
    for (const float x : HeavyTailed(30000, 8)) values.push_back(sign * std::fabs(x));
    const TensorStatistics statistics = Observe({values});
    const double clip = EntropyClipOf(values, statistics.histogram().bin_width(), 256);
    const double magnitude = sign > 0 ? statistics.max() : -statistics.min();
    const ClipRange range = MakeRange({"entropy"})->ForActivation(statistics, Uint8());
    EXPECT_DOUBLE_EQ(sign > 0 ? range.upper : -range.lower, std::min(clip, magnitude));
    EXPECT_EQ(sign > 0 ? range.lower : range.upper, 0);
  }
}

TEST(EntropyRangeTest, TwoSignsAreClippedApartWithTheirShareOfTheLevels) {
  const std::vector<float> bell = HeavyTailed(30000, 8);
  std::vector<float> negative, positive;
  for (const float x : bell) (x < 0 ? negative : positive).push_back(x);
  const TensorStatistics statistics = Observe({bell});
  const double width = statistics.histogram().bin_width();
  const double span = statistics.max() - statistics.min();
  const double below = EntropyClipOf(
      negative, width, static_cast<int>(std::lround(256 * -statistics.min() / span)));
  const double above = EntropyClipOf(
      positive, width, static_cast<int>(std::lround(256 * statistics.max() / span)));
  const ClipRange range = MakeRange({"entropy"})->ForActivation(statistics, Uint8());
  EXPECT_DOUBLE_EQ(range.lower, std::max<double>(-below, statistics.min()));
  EXPECT_DOUBLE_EQ(range.upper, std::min<double>(above, statistics.max()));
}

TEST(EntropyRangeTest, KeepsAUniformDistributionWhole) {
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) values.push_back(static_cast<float>(i) / 100000);
  const ClipRange range = MakeRange({"entropy"})->ForActivation(Observe({values}), Uint8());
  EXPECT_EQ(range.lower, 0);
  EXPECT_GT(range.upper, 0.95);
}

}  // namespace
}  // namespace quantd
