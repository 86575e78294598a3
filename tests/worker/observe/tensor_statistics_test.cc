#include "worker/observe/tensor_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "common/random.h"
#include "tests/support/status_matchers.h"
#include "worker/observe/even_sample.h"

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

TEST(TensorStatisticsTest, EveryOddValueAmongManyIsCounted) {
  std::vector<float> values(200000, 1.0f);
  for (const size_t i : {17, 99999, 199999}) values[i] = kNan;
  values[5] = kInfinity;
  const TensorStatistics statistics = Observe({values});
  EXPECT_EQ(statistics.histogram().not_a_number(), 3u);
  EXPECT_EQ(statistics.histogram().infinite(), 1u);
  EXPECT_EQ(statistics.histogram().total(), values.size() - 4);
}

// Activations of 24 channels, channels last, of different widths and with zeros behind a ReLU: what a sample could miss.
std::vector<float> Channels(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += random.Uniform();
    values[i] = static_cast<float>(std::max(0.0, sum * (0.1 + static_cast<double>(i % 24) / 8)));
  }
  return values;
}

TEST(TensorStatisticsTest, TheFirstValuesAreCountedInFull) {
  const std::vector<float> batch = Channels(TensorStatistics::kCountedInFull / 4, 1);
  TensorStatistics statistics;
  PowerOfTwoHistogram in_full;
  for (int i = 0; i < 4; ++i) {
    statistics.Update(batch);
    in_full.Update(batch);
  }
  EXPECT_EQ(statistics.histogram(), in_full);
  statistics.Update(batch);
  in_full.Update(batch);
  EXPECT_NE(statistics.histogram(), in_full);
  EXPECT_EQ(statistics.histogram().total(), in_full.total());
}

// Massart's form of the Dvoretzky-Kiefer-Wolfowitz inequality: the distribution of n independent values is nowhere further
// than sqrt(log(2 / delta) / (2 n)) from the one they are drawn from, with probability 1 - delta.
TEST(TensorStatisticsTest, ASampleHasTheDistributionOfAllValues) {
  constexpr double kDelta = 1e-6;
  TensorStatistics statistics;
  PowerOfTwoHistogram in_full;
  size_t values = 0;
  for (uint64_t i = 0; i < 12; ++i) {
    const std::vector<float> batch = Channels(100000 + 24 * i, i);  // Of various sizes, as with a dynamic sequence.
    statistics.Update(batch);
    in_full.Update(batch);
    values += batch.size();
    EXPECT_EQ(statistics.batches().back().upper, *std::max_element(batch.begin(), batch.end()));
  }
  const PowerOfTwoHistogram& sampled = statistics.histogram();
  ASSERT_EQ(sampled.radius(), in_full.radius());
  EXPECT_EQ(sampled.total(), values);
  const double bound = std::sqrt(std::log(2 / kDelta) / (2 * static_cast<double>(values) / kSampleShare));
  double below = 0, below_in_full = 0;
  for (int i = 0; i < sampled.bins(); ++i) {
    if (i == sampled.bins() / 2) {
      below += static_cast<double>(sampled.zeros());
      below_in_full += static_cast<double>(in_full.zeros());
    }
    below += static_cast<double>(sampled.counts()[static_cast<size_t>(i)]);
    below_in_full += static_cast<double>(in_full.counts()[static_cast<size_t>(i)]);
    EXPECT_LE(std::fabs(below - below_in_full) / static_cast<double>(values), bound) << i;
  }
}

TEST(TensorStatisticsTest, WhatIsNotFiniteIsFoundWhereOnlyASampleIsCounted) {
  TensorStatistics statistics;
  std::vector<float> batch = Channels(TensorStatistics::kCountedInFull + 1000, 1);
  statistics.Update(batch);
  for (const size_t i : {size_t{3}, size_t{70001}, batch.size() - 1}) batch[i] = kNan;
  batch[12345] = -kInfinity;
  statistics.Update(batch);
  EXPECT_EQ(statistics.histogram().not_a_number(), 3u);
  EXPECT_EQ(statistics.histogram().infinite(), 1u);
  EXPECT_EQ(statistics.histogram().total(), 2 * batch.size() - 4);
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
