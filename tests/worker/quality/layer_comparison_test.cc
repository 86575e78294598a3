#include "worker/quality/layer_comparison.h"

#include <cmath>
#include <limits>
#include <vector>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::StatusIs;

TEST(LayerComparison, MatchesTheWorkedExample) {
  // x = (1, -2, 3, 0.5), q = (1.1, -2, 2.8, 0.5): noise 0.01 + 0.04 = 0.05, signal 1 + 4 + 9 + 0.25
  // = 14.25; 10 log10(285) = 24.5484 dB; the cosine is 13.75 / sqrt(14.25 * 13.3) = 0.998779.
  LayerComparison comparison;
  ASSERT_OK(comparison.Add(Tensor::Of<double>({4}, {1, -2, 3, .5}),
                           Tensor::Of<double>({4}, {1.1, -2, 2.8, .5})));
  EXPECT_NEAR(comparison.SqnrDb(), 24.5484, 5e-5);
  EXPECT_NEAR(comparison.RelativeMse(), 3.50877e-3, 5e-9);
  EXPECT_NEAR(comparison.Cosine(), .998779, 5e-7);
  EXPECT_EQ(comparison.count(), 4);
}

TEST(LayerComparison, MergingBatchesEqualsAddingThemInOrder) {
  Random random(8);
  LayerComparison whole;
  LayerComparison merged;
  for (int batch = 0; batch < 5; ++batch) {
    std::vector<float> x;
    std::vector<float> q;
    for (int i = 0; i < 100; ++i) {
      x.push_back(static_cast<float>(random.Uniform()));
      q.push_back(x.back() + static_cast<float>(random.Uniform() * 0.01));
    }
    whole.Add(x, q);
    LayerComparison part;
    part.Add(x, q);
    merged.Merge(part);
  }
  EXPECT_EQ(whole.SqnrDb(), merged.SqnrDb());
  EXPECT_EQ(whole.Cosine(), merged.Cosine());
  EXPECT_EQ(whole.count(), merged.count());
}

TEST(LayerComparison, ExactMatchesAndLostSignalsHaveStatedValues) {
  LayerComparison exact;
  exact.Add(std::vector<float>{1, 2, 3}, std::vector<float>{1, 2, 3});
  EXPECT_EQ(exact.SqnrDb(), 200);
  EXPECT_EQ(exact.Cosine(), 1);
  EXPECT_EQ(exact.RelativeMse(), 0);
  const LayerComparison nothing;
  EXPECT_EQ(nothing.SqnrDb(), 200);
  EXPECT_EQ(nothing.Cosine(), 1);

  LayerComparison lost;
  lost.Add(std::vector<float>{0, 0}, std::vector<float>{1, 0});
  EXPECT_EQ(lost.SqnrDb(), -200);
  EXPECT_EQ(lost.Cosine(), 0);
  EXPECT_TRUE(std::isinf(lost.RelativeMse()));

  LayerComparison diverged;
  diverged.Add(std::vector<float>{1}, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(diverged.SqnrDb(), -200);
  EXPECT_EQ(diverged.Cosine(), 0);
}

TEST(LayerComparison, RefusesTensorsThatAreNoTwins) {
  LayerComparison comparison;
  EXPECT_THAT(comparison.Add(Tensor::Of<float>({2}, {1, 2}), Tensor::Of<float>({1, 2}, {1, 2})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(comparison.Add(Tensor::Of<float>({1}, {1}), Tensor::Of<double>({1}, {1})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(comparison.Add(Tensor::Of<uint8_t>({1}, {1}), Tensor::Of<uint8_t>({1}, {1})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace quantd
