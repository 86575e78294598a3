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
