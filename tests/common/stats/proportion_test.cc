#include "common/stats/proportion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/stats/binomial.h"

namespace quantd {
namespace {

constexpr Fraction kFivePercent{1, 20};

struct Case {
  int64_t successes, trials;
  Bounds wilson, clopper_pearson, beta;
};

void ExpectBounds(const Bounds& actual, const Bounds& expected) {
  EXPECT_NEAR(actual.lower, expected.lower, 5.1e-6);  // The table has five decimals.
  EXPECT_NEAR(actual.upper, expected.upper, 5.1e-6);
}

TEST(Proportion, MatchesTheWorkedTable) {
  for (const Case& c : {
           Case{18, 20, {.69897, .97213}, {.68302, .98765}, {.69623, .96951}},
           Case{20, 20, {.83887, 1}, {.83157, 1}, {.83890, .99880}},
           Case{0, 20, {0, .16113}, {0, .16843}, {.00120, .16110}},
           Case{90, 100, {.82563, .94477}, {.82378, .95100}, {.82545, .94436}},
       }) {
    SCOPED_TRACE(c.successes);
    ExpectBounds(Wilson(c.successes, c.trials, kFivePercent), c.wilson);
    ExpectBounds(ClopperPearson(c.successes, c.trials, kFivePercent), c.clopper_pearson);
    ExpectBounds(BetaPosterior(c.successes, c.trials, kFivePercent), c.beta);
  }
}

TEST(Proportion, BetaPosteriorOfEightInTen) {
  const Bounds bounds = BetaPosterior(8, 10, kFivePercent);
  EXPECT_NEAR(bounds.lower, .482244, 5e-7);
  EXPECT_NEAR(bounds.upper, .939782, 5e-7);
}

TEST(Proportion, OneSidedUpperBoundOfSixFlipsInTwoHundred) {
  // Two-sided at 1/10 has 1/20 in the upper tail.
  EXPECT_NEAR(ClopperPearson(6, 200, {1, 10}).upper, .05834976, 5e-9);
}

TEST(Proportion, ClopperPearsonEndsSolveTheirTailEquations) {
  for (const int64_t k : {1, 7, 500, 1993, 1999}) {
    const Bounds bounds = ClopperPearson(k, 2000, kFivePercent);
    // P(X <= k | upper) = P(X >= k | lower) = alpha/2.
    EXPECT_NEAR(BinomialCdf(k, 2000, bounds.upper), 0.025, 1e-12);
    EXPECT_NEAR(1 - BinomialCdf(k - 1, 2000, bounds.lower), 0.025, 1e-12);
  }
}

TEST(Proportion, ClopperPearsonNeverCoversLessThanItsLevel) {
  // Exact coverage: the probability of the outcomes whose interval holds p.
  constexpr int64_t kTrials = 25;
  for (int step = 1; step < 200; ++step) {
    const double p = step / 200.0;
    double coverage = 0;
    double probability = std::pow(1 - p, kTrials);  // Of k successes, by recurrence.
    for (int64_t k = 0; k <= kTrials; ++k) {
      const Bounds bounds = ClopperPearson(k, kTrials, {1, 10});
      if (bounds.lower <= p && p <= bounds.upper) coverage += probability;
      probability *= static_cast<double>(kTrials - k) / static_cast<double>(k + 1) * p / (1 - p);
    }
    EXPECT_GE(coverage, 0.9 - 1e-12) << p;
  }
}

TEST(Proportion, NothingIsKnownWithoutTrials) {
  EXPECT_EQ(ClopperPearson(0, 0, kFivePercent).lower, 0);
  EXPECT_EQ(ClopperPearson(0, 0, kFivePercent).upper, 1);
  EXPECT_EQ(Wilson(0, 0, kFivePercent).upper, 1);
}

TEST(Proportion, MirrorImagesAreExact) {
  const Bounds few = ClopperPearson(13, 2000, kFivePercent);
  const Bounds many = ClopperPearson(1987, 2000, kFivePercent);
  EXPECT_NEAR(few.lower, 1 - many.upper, 1e-15);
  EXPECT_NEAR(few.upper, 1 - many.lower, 1e-15);
}

}  // namespace
}  // namespace quantd
