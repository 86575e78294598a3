#include "common/stats/binomial.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/random.h"

namespace quantd {
namespace {

TEST(Binomial, CdfMatchesTheSum) {
  // n = 5, p = 0.3: P(X <= 1) = 0.7^5 + 5 * 0.3 * 0.7^4 = 0.16807 + 0.36015.
  EXPECT_NEAR(BinomialCdf(1, 5, 0.3), 0.52822, 1e-15);
  EXPECT_EQ(BinomialCdf(-1, 5, 0.3), 0);
  EXPECT_EQ(BinomialCdf(5, 5, 0.3), 1);
  EXPECT_EQ(BinomialCdf(0, 0, 0.3), 1);
}

TEST(Binomial, RiskTestsMatchTheWorkedFigures) {
  EXPECT_NEAR(BinomialCdf(6, 200, 0.1), .00014811, 5e-9);
  EXPECT_NEAR(BinomialCdf(10, 200, 0.1), .00807125, 5e-9);
  EXPECT_NEAR(BinomialCdf(12, 200, 0.1), .03204653, 5e-9);
  EXPECT_NEAR(BinomialCdf(14, 200, 0.1), .09294618, 5e-9);
}

TEST(McNemar, MatchesTheWorkedFigures) {
  // 2 (1 + 10 + 45) / 1024.
  EXPECT_NEAR(McNemarExact({8, 2}), .109375, 1e-15);
  // 2 / 32: five flips in one direction are not significant at 5 %.
  EXPECT_NEAR(McNemarExact({5, 0}), .0625, 1e-15);
  EXPECT_NEAR(McNemarExact({0, 5}), .0625, 1e-15);
  EXPECT_EQ(McNemarExact({0, 0}), 1);
  EXPECT_EQ(McNemarExact({4, 4}), 1);
}

TEST(PairedDifference, KeepsItsWidthWithoutDiscordantPairs) {
  // Each rate's upper end at alpha/4 a tail: 1 - 0.0125^(1/1000).
  const double end = 1 - std::pow(0.0125, 1.0 / 1000);
  const Bounds bounds = PairedDifferenceExact({0, 0}, 1000, {1, 20});
  EXPECT_NEAR(bounds.upper, end, 1e-12);
  EXPECT_NEAR(bounds.lower, -end, 1e-12);
}

TEST(PairedDifference, SwappingTheModelsMirrorsTheInterval) {
  const Bounds one = PairedDifferenceExact({7, 3}, 500, {1, 20});
  const Bounds other = PairedDifferenceExact({3, 7}, 500, {1, 20});
  EXPECT_DOUBLE_EQ(one.lower, -other.upper);
  EXPECT_DOUBLE_EQ(one.upper, -other.lower);
  EXPECT_LT(one.lower, -4.0 / 500);
  EXPECT_GT(one.upper, -4.0 / 500);
}

TEST(PairedDifference, CoversAtLeastItsLevel) {
  // Two losses and one gain expected in 400 rows; 2,000 samples, so five standard errors below 0.95
  // are 0.925.
  constexpr double kLoss = 2.0 / 400;
  constexpr double kGain = 1.0 / 400;
  Random random(17);
  int covered = 0;
  constexpr int kSamples = 2000;
  for (int sample = 0; sample < kSamples; ++sample) {
    Discordance pairs;
    for (int row = 0; row < 400; ++row) {
      const double u = random.Uniform();
      pairs.first_only += u < kLoss;
      pairs.second_only += u >= kLoss && u < kLoss + kGain;
    }
    const Bounds bounds = PairedDifferenceExact(pairs, 400, {1, 20});
    covered += bounds.lower <= kGain - kLoss && kGain - kLoss <= bounds.upper;
  }
  EXPECT_GE(covered, kSamples * 0.925);
}

}  // namespace
}  // namespace quantd
