#include "worker/observe/tensor_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TensorStatistics Observe(const std::vector<std::vector<float>>& batches) {
  TensorStatistics statistics;
  for (const std::vector<float>& batch : batches) statistics.Update(batch);
  return statistics;
}

TEST(TensorStatisticsTest, KnowsEveryBatchsRange) {
  const TensorStatistics statistics = Observe({{1, -2, 0.5f}, {3}, {-1, -1}});
  EXPECT_THAT(statistics.batches(),
              ElementsAre(BatchRange{-2, 1}, BatchRange{3, 3}, BatchRange{-1, -1}));
  EXPECT_EQ(statistics.min(), -2);
  EXPECT_EQ(statistics.max(), 3);
  EXPECT_EQ(statistics.histogram().total(), 6u);
}

TEST(TensorStatisticsTest, RangesAreOfFiniteValues) {
  const TensorStatistics statistics = Observe({{kNan, 2, kInfinity}, {kNan}, {1, -kInfinity}});
  EXPECT_EQ(statistics.min(), 1);
  EXPECT_EQ(statistics.max(), 2);
  EXPECT_GT(statistics.batches()[1].lower, statistics.batches()[1].upper);
  EXPECT_EQ(statistics.histogram().not_a_number(), 2u);
  EXPECT_EQ(statistics.histogram().infinite(), 2u);
}

TEST(TensorStatisticsTest, WithoutValuesTheRangeIsZero) {
  EXPECT_EQ(Observe({}).min(), 0);
  EXPECT_EQ(Observe({}).max(), 0);
  EXPECT_EQ(Observe({{}, {kNan}}).min(), 0);
  EXPECT_EQ(Observe({{}, {kNan}}).max(), 0);
  EXPECT_THAT(Observe({}).batches(), IsEmpty());
}

TEST(TensorStatisticsTest, MergingIsObservingOneAfterTheOther) {
  const std::vector<std::vector<float>> batches = {{1, -2}, {}, {700, 0}, {kNan, 1e-20f}};
  for (size_t cut = 0; cut <= batches.size(); ++cut) {
    const auto middle = batches.begin() + static_cast<std::ptrdiff_t>(cut);
    TensorStatistics merged = Observe({batches.begin(), middle});
    merged.Merge(Observe({middle, batches.end()}));
    EXPECT_EQ(merged, Observe(batches)) << cut;
  }
}

// What a histogram of all values would say.
double SortedQuantile(std::vector<float> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

TEST(TensorStatisticsTest, UpToTwiceTheLeastNumberEveryValueIsCounted) {
  const std::vector<float> values(2 * TensorStatistics::kCountedMin - 1, 3.0f);
  EXPECT_EQ(Observe({values}).histogram().total(), values.size());
}

TEST(TensorStatisticsTest, AShareOfManyValuesStandsForAll) {
  std::mt19937 bits(5);
  std::normal_distribution<float> normal(1, 2);
  for (const size_t n : {10000, 50003, 400000}) {
    std::vector<float> values(n);
    for (float& value : values) value = std::max(normal(bits), 0.0f);
    values[n / 3] = 77;  // The range is exact though the value may not be counted.
    const TensorStatistics statistics = Observe({values});
    EXPECT_EQ(statistics.max(), 77);
    EXPECT_EQ(statistics.min(), 0);
    // Each value counts as many as its run stands for; only the last group of 8 runs of 16 may be off.
    EXPECT_NEAR(static_cast<double>(statistics.histogram().total()), static_cast<double>(n), 8 * 16);
    // k values counted: the share below a quantile is off by sqrt(q (1 - q) / k), here at most 0.5 / sqrt(4096) = 0.008.
    // Four times that, and the width of a bin, 2 * 128 / 4096.
    for (const double q : {0.05, 0.5, 0.9, 0.99}) {
      const double found = statistics.histogram().Quantile(q);
      EXPECT_GE(found, SortedQuantile(values, std::max(0.0, q - 0.032)) - 0.0625) << n << " " << q;
      EXPECT_LE(found, SortedQuantile(values, std::min(1.0, q + 0.032)) + 0.0625) << n << " " << q;
    }
  }
}

TEST(TensorStatisticsTest, EveryChannelHasItsShare) {
  // Values of 128 channels side by side, channel c holding c / 128 + 1. One run in eight by fixed steps would see 16 of
  // the channels. Bins are 2 * 2 / 4096 wide, so that a channel has bins of its own.
  constexpr size_t kChannels = 128, kPlaces = 4096;
  std::vector<float> values(kChannels * kPlaces);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<float>(i % kChannels) / kChannels;
  const TensorStatistics statistics = Observe({values});
  for (size_t c = 0; c < kChannels; ++c) {
    const size_t bin = 2048 + 1024 + c * 8;  // Of the value 1 + c / 128: 8 bins of 1 / 1024 a channel.
    const double count = static_cast<double>(statistics.histogram().counts()[bin]);
    // 4096 chances of one in eight: 512 drawn, deviation sqrt(4096 * 7 / 64) = 21; each counts as eight.
    EXPECT_NEAR(count, kPlaces, 5 * 21 * 8) << c;
  }
}

TEST(TensorStatisticsTest, EveryOddValueAmongManyIsCounted) {
  std::vector<float> values(200000, 1.0f);
  for (const size_t i : {17, 99999, 199999}) values[i] = kNan;
  values[5] = kInfinity;
  const TensorStatistics statistics = Observe({values});
  EXPECT_EQ(statistics.histogram().not_a_number(), 3u);
  EXPECT_EQ(statistics.histogram().infinite(), 1u);
  EXPECT_EQ(statistics.histogram().total(), values.size() - 4);
}

TEST(TensorStatisticsTest, SurvivesSerialization) {
  const TensorStatistics statistics = Observe({{1, -2}, {}, {0.5f}});
  const std::string bytes = statistics.Serialize() + "rest";
  absl::string_view rest = bytes;
  ASSERT_OK_AND_ASSIGN(const TensorStatistics parsed, TensorStatistics::Parse(rest));
  EXPECT_EQ(parsed, statistics);
  EXPECT_EQ(rest, "rest");
}

TEST(TensorStatisticsTest, BytesThatAreNoStatisticsAreRefused) {
  const std::string bytes = Observe({{1, -2}, {0.5f}}).Serialize();
  for (size_t size = 0; size < bytes.size(); ++size) {
    absl::string_view cut(bytes.data(), size);
    EXPECT_FALSE(TensorStatistics::Parse(cut).ok()) << size;
  }
  std::string huge = bytes;
  huge[0] = '\x7f';  // 127 batches in fewer bytes: refused before anything is stored.
  absl::string_view view = huge;
  EXPECT_FALSE(TensorStatistics::Parse(view).ok());
}

TEST(TensorStatisticsTest, JoiningCountsBothInTheSameBatches) {
  TensorStatistics a, b;
  a.Update({1, 2});
  a.Update({3});
  b.Update({-5});
  b.Update({0.5f, 9});
  TensorStatistics joint;
  joint.Join(a);
  joint.Join(b);
  EXPECT_EQ(joint.batches(), (std::vector<BatchRange>{{-5, 2}, {0.5f, 9}}));
  EXPECT_EQ(joint.histogram().total(), 6u);
  TensorStatistics other;
  other.Join(b);
  other.Join(a);
  EXPECT_EQ(joint, other);
}

}  // namespace
}  // namespace quantd
