// What holds for each range method, whatever it does inside.
#include "tests/support/status_matchers.h"
#include "tests/worker/methods/range/range_bench.h"

namespace quantd {
namespace {

using testing::HeavyTailed;
using testing::Int8;
using testing::MakeRange;
using testing::Observe;
using testing::Uint8;

class EveryRangeTest : public ::testing::TestWithParam<const RangeInfo*> {};

std::vector<std::vector<std::vector<float>>> Tensors() {
  std::vector<float> positive = HeavyTailed(3000, 2);
  for (float& x : positive) x = std::max(x, 0.0f);
  return {{HeavyTailed(3000, 1), HeavyTailed(3000, 3)},
          {positive},
          {{5}},
          {{-1e-30f, 1e-30f}},
          {{-3e38f, 3e38f}},
          {{1e-45f}},
          {HeavyTailed(100, 4, 30)}};
}

TEST_P(EveryRangeTest, StaysWithinWhatWasSeenOrZero) {
  if (!GetParam()->for_activations) return;
  const auto method = MakeRange({std::string(GetParam()->method.id)});
  for (const auto& tensor : Tensors()) {
    const TensorStatistics statistics = Observe(tensor);
    for (const IntFormat* format : {&Uint8(), &Int8()}) {
      const ClipRange range = method->ForActivation(statistics, *format);
      const double reach = std::max(std::fabs(statistics.min()), std::fabs(statistics.max()));
      EXPECT_LE(range.lower, range.upper);
      EXPECT_GE(range.lower, std::min<double>(statistics.min(), format->symmetric ? -reach : 0));
      EXPECT_LE(range.upper, std::max<double>(statistics.max(), format->symmetric ? reach : 0));
    }
  }
}

TEST_P(EveryRangeTest, AllZerosOrNothingGiveARangeOfNothing) {
  const auto method = MakeRange({std::string(GetParam()->method.id)});
  if (GetParam()->for_activations) {
    for (const TensorStatistics& statistics : {Observe({}), Observe({{0, 0, 0}})}) {
      const ClipRange range = method->ForActivation(statistics, Uint8());
      EXPECT_EQ(range.lower, 0);
      EXPECT_EQ(range.upper, 0);
    }
  }
  if (GetParam()->for_weights) {
    for (const std::vector<float>& weights : {std::vector<float>(), std::vector<float>{0, 0}}) {
      const ClipRange range = method->ForWeights(weights, Int8());
      EXPECT_EQ(range.lower, 0);
      EXPECT_EQ(range.upper, 0);
    }
  }
}

TEST_P(EveryRangeTest, ScalingByAPowerOfTwoScalesTheRange) {
  const auto method = MakeRange({std::string(GetParam()->method.id)});
  const std::vector<float> values = HeavyTailed(2000, 5);
  std::vector<float> scaled;
  for (const float x : values) scaled.push_back(x * 1024);
  if (GetParam()->for_activations) {
    const ClipRange range = method->ForActivation(Observe({values}), Uint8());
    const ClipRange wide = method->ForActivation(Observe({scaled}), Uint8());
    EXPECT_EQ(wide.lower, 1024 * range.lower);
    EXPECT_EQ(wide.upper, 1024 * range.upper);
  }
  if (GetParam()->for_weights) {
    const ClipRange range = method->ForWeights(values, Int8());
    const ClipRange wide = method->ForWeights(scaled, Int8());
    EXPECT_EQ(wide.lower, 1024 * range.lower);
    EXPECT_EQ(wide.upper, 1024 * range.upper);
  }
}

TEST_P(EveryRangeTest, DescribesItself) {
  const RangeInfo& info = *GetParam();
  EXPECT_EQ(info.method.axis, "range");
  EXPECT_FALSE(info.method.summary.empty());
  EXPECT_FALSE(info.method.paper.empty());
  EXPECT_TRUE(info.for_activations || info.for_weights);
}

INSTANTIATE_TEST_SUITE_P(All, EveryRangeTest,
                         ::testing::ValuesIn(range::All().begin(), range::All().end()),
                         [](const auto& info) { return std::string(info.param->method.id); });

}  // namespace
}  // namespace quantd
