#include "worker/observe/power_of_two_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

PowerOfTwoHistogram HistogramOf(const std::vector<float>& values, int bins = 8) {
  PowerOfTwoHistogram histogram(bins);
  histogram.Update(values);
  return histogram;
}

std::vector<uint64_t> CountsOf(const PowerOfTwoHistogram& histogram) {
  return {histogram.counts().begin(), histogram.counts().end()};
}

// Of both signs, exponents from `lowest` to `highest`, some of them exactly zero.
std::vector<float> Wild(Random& random, int count, int lowest, int highest) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const int exponent =
        lowest + static_cast<int>(random.Below(static_cast<uint64_t>(highest - lowest + 1)));
    const double magnitude = std::ldexp(1 + random.Uniform(), exponent);
    const uint64_t kind = random.Below(9);
    values.push_back(kind == 0 ? 0 : static_cast<float>(kind % 2 == 0 ? magnitude : -magnitude));
  }
  return values;
}

TEST(PowerOfTwoHistogramTest, CountsByHand) {
  // R = 1, bins of 1/4: -.9 -> 0, -.1 -> 3, .2 -> 4, .6 -> 6, .99 -> 7.
  PowerOfTwoHistogram histogram = HistogramOf({-.9f, -.1f, .2f, .6f, .99f});
  EXPECT_EQ(histogram.radius(), 1);
  EXPECT_EQ(histogram.bin_width(), 0.25);
  EXPECT_EQ(histogram.lower(0), -1);
  EXPECT_EQ(histogram.lower(8), 1);
  EXPECT_THAT(CountsOf(histogram), ElementsAre(1, 0, 0, 1, 1, 0, 1, 1));

  // R doubles: pairs of bins become the middle half, and 1.7, -1.2, .3 land in bins of 1/2.
  PowerOfTwoHistogram wider = HistogramOf({1.7f, -1.2f, .3f});
  EXPECT_THAT(CountsOf(wider), ElementsAre(0, 1, 0, 0, 1, 0, 0, 1));
  histogram.Merge(wider);
  EXPECT_EQ(histogram.radius(), 2);
  EXPECT_THAT(CountsOf(histogram), ElementsAre(0, 1, 1, 1, 2, 2, 0, 1));

  // Half of 8 values is 4: below bin 4 = [0, .5) lie 3, so half of the bin's 2 are needed.
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.5), 0.25);
  // 6 of 8: below bin 5 = [.5, 1) lie 5 and the bin holds 2.
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.75), 0.75);
}

TEST(PowerOfTwoHistogramTest, TheRadiusLiesAboveEveryValue) {
  EXPECT_EQ(HistogramOf({1}).radius(), 2);
  EXPECT_EQ(HistogramOf({std::nextafterf(1, 0)}).radius(), 1);
  EXPECT_EQ(HistogramOf({-4}).radius(), 8);
  EXPECT_EQ(HistogramOf({3e38f}).radius(), std::ldexp(1.0, 128));
  EXPECT_EQ(HistogramOf({1e-45f}).radius(), std::ldexp(1.0, -148));
}

TEST(PowerOfTwoHistogramTest, ZerosAndWhatIsNoNumberAreCountedApart) {
  const PowerOfTwoHistogram histogram =
      HistogramOf({0, -0.0f, kNan, kInfinity, -kInfinity, 0.5f, 0});
  EXPECT_EQ(histogram.zeros(), 3u);
  EXPECT_EQ(histogram.not_a_number(), 1u);
  EXPECT_EQ(histogram.infinite(), 2u);
  EXPECT_EQ(histogram.total(), 4u);
  EXPECT_EQ(histogram.radius(), 1);
}

TEST(PowerOfTwoHistogramTest, WithoutValuesThereIsNoRadius) {
  EXPECT_EQ(HistogramOf({}).radius(), 0);
  EXPECT_EQ(HistogramOf({}).Quantile(0.5), 0);
  EXPECT_EQ(HistogramOf({0, 0}).radius(), 0);
  EXPECT_EQ(HistogramOf({0, 0}).Quantile(1), 0);
}

// The invariant that lets any number of workers observe in any order. Values reach over all of
// float's exponents, subnormal ones included.
TEST(PowerOfTwoHistogramTest, ShardsInAnyOrderGiveTheCountsOfOnePass) {
  Random random(1);
  for (const int bins : {4, 12, 64, 4096}) {
    for (const auto& [lowest, highest] : {std::pair(-3, 3), std::pair(-149, 127)}) {
      std::vector<float> all;
      std::vector<PowerOfTwoHistogram> shards;
      for (int shard = 0; shard < 7; ++shard) {
        const std::vector<float> values = Wild(random, 40, lowest, highest);
        all.insert(all.end(), values.begin(), values.end());
        shards.push_back(HistogramOf(values, bins));
      }
      const PowerOfTwoHistogram expected = HistogramOf(all, bins);
      for (int order = 0; order < 5; ++order) {
        random.Shuffle(shards);
        PowerOfTwoHistogram merged(bins);
        for (const PowerOfTwoHistogram& shard : shards) merged.Merge(shard);
        EXPECT_EQ(merged, expected);
      }
      PowerOfTwoHistogram one_by_one(bins);
      for (const float value : all) one_by_one.Update({value});
      EXPECT_EQ(one_by_one, expected);
    }
  }
}

TEST(PowerOfTwoHistogramTest, MergingIsAssociative) {
  Random random(2);
  const PowerOfTwoHistogram a = HistogramOf(Wild(random, 30, -10, -5));
  const PowerOfTwoHistogram b = HistogramOf(Wild(random, 30, 4, 9));
  const PowerOfTwoHistogram c = HistogramOf({});
  PowerOfTwoHistogram left = a, right = b;
  left.Merge(b);
  left.Merge(c);
  right.Merge(c);
  PowerOfTwoHistogram whole = a;
  whole.Merge(right);
  EXPECT_EQ(left, whole);
}

TEST(PowerOfTwoHistogramTest, EveryValueLiesInItsBin) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const std::vector<float> values = Wild(random, 1, -149, 127);
    const PowerOfTwoHistogram histogram = HistogramOf(values, 16);
    for (int bin = 0; bin < histogram.bins(); ++bin) {
      if (histogram.counts()[static_cast<size_t>(bin)] == 0) continue;
      EXPECT_LE(histogram.lower(bin), values[0]);
      EXPECT_GT(histogram.lower(bin + 1), values[0]);
    }
  }
}

TEST(PowerOfTwoHistogramTest, QuantilesAreWithinABinOfTheSortedValues) {
  Random random(4);
  std::vector<float> values = Wild(random, 999, -2, 2);
  const PowerOfTwoHistogram histogram = HistogramOf(values, 256);
  std::sort(values.begin(), values.end());
  double before = -histogram.radius();
  for (int i = 1; i <= 1000; ++i) {
    const double q = i / 1000.0;
    const double quantile = histogram.Quantile(q);
    // The smallest value with at least a share of q at or below it.
    const float exact = values[static_cast<size_t>(std::ceil(q * 999)) - 1];
    EXPECT_NEAR(quantile, exact, histogram.bin_width()) << q;
    EXPECT_GE(quantile, before);
    before = quantile;
  }
}

TEST(PowerOfTwoHistogramTest, ASpikeOfZerosIsAQuantileOfZero) {
  // 2 below, 6 zeros, 2 above: zero from 0.2 to 0.8.
  const PowerOfTwoHistogram histogram = HistogramOf({-.9f, -.9f, 0, 0, 0, 0, 0, 0, .9f, .9f});
  EXPECT_LT(histogram.Quantile(0.15), 0);
  EXPECT_EQ(histogram.Quantile(0.3), 0);
  EXPECT_EQ(histogram.Quantile(0.8), 0);
  EXPECT_GT(histogram.Quantile(0.85), 0);
}

TEST(PowerOfTwoHistogramTest, SurvivesSerialization) {
  Random random(5);
  std::vector<float> values = Wild(random, 100, -149, 127);
  values.insert(values.end(), {kNan, kInfinity});
  for (const PowerOfTwoHistogram& histogram :
       {HistogramOf(values, 64), HistogramOf({}), HistogramOf({1e-45f}), HistogramOf({3e38f})}) {
    const std::string bytes = histogram.Serialize() + "rest";
    absl::string_view rest = bytes;
    ASSERT_OK_AND_ASSIGN(const PowerOfTwoHistogram parsed, PowerOfTwoHistogram::Parse(rest));
    EXPECT_EQ(parsed, histogram);
    EXPECT_EQ(rest, "rest");
  }
}

TEST(PowerOfTwoHistogramTest, BytesThatAreNoHistogramAreRefused) {
  const std::string bytes = HistogramOf({1, 2, 3}).Serialize();
  for (size_t size = 0; size < bytes.size(); ++size) {
    absl::string_view cut(bytes.data(), size);
    EXPECT_FALSE(PowerOfTwoHistogram::Parse(cut).ok()) << size;
  }
  // A number of bins that the bytes cannot hold, and one that is no multiple of 4.
  std::string counts = bytes;
  counts[4] = 5;
  absl::string_view odd = counts;
  EXPECT_FALSE(PowerOfTwoHistogram::Parse(odd).ok());
  counts[4] = 127;
  absl::string_view many = counts;
  EXPECT_FALSE(PowerOfTwoHistogram::Parse(many).ok());
}

}  // namespace
}  // namespace quantd
