#include "common/stats/conformal.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ConformalBound Bound(const std::vector<double>& scores, const Fraction& alpha) {
  return SplitConformalUpper(scores, alpha).value();
}

TEST(Conformal, WorkedExampleOfNineScores) {
  const std::vector<double> scores = {.12, .05, .31, .22, .08, .17, .41, .02, .27};
  // alpha = 1/10: k = ceil(10 * 9/10) = 9; an interpolated quantile would say .33.
  EXPECT_EQ(Bound(scores, {1, 10}).rank, 9);
  EXPECT_EQ(Bound(scores, {1, 10}).value, .41);
  EXPECT_EQ(Bound(scores, {1, 5}).rank, 8);
  EXPECT_EQ(Bound(scores, {1, 5}).value, .31);
  const ConformalBound none = Bound(scores, {1, 20});
  EXPECT_EQ(none.rank, 10);
  EXPECT_EQ(none.value, kInfinity);
  EXPECT_FALSE(none.sufficient);
  EXPECT_EQ(none.n_required, 19);
  EXPECT_DOUBLE_EQ(ConformalPValue(scores, .31), 0.3);
}

TEST(Conformal, WorkedExampleOfNormalizedScores) {
  const ConformalBound bound = Bound({1, 1.5, 1, 2.5}, {2, 5});
  EXPECT_EQ(bound.rank, 3);
  EXPECT_EQ(bound.value, 1.5);
}

TEST(Conformal, WorkedExampleOfTwoTails) {
  EXPECT_EQ(LowerRank(19, DivideLevel({1, 10}, 2)), 1);
  EXPECT_EQ(UpperRank(19, DivideLevel({1, 10}, 2)), 19);
}

TEST(Conformal, WorkedExampleOfGroups) {
  EXPECT_EQ(UpperRank(30, {1, 10}), 28);
  EXPECT_EQ(UpperRank(9, {1, 10}), 9);
  EXPECT_EQ(UpperRank(5, {1, 10}), 6);
}

TEST(Conformal, NotANumberIsAnErrorAndInfinityIsAScore) {
  EXPECT_THAT(SplitConformalUpper({0.1, std::nan(""), 0.3}, {1, 2}), HasReason("NAN_SCORE"));
  // Nine scores, the worst one diverged: rank 9 is infinite, rank 8 is not.
  const std::vector<double> scores = {1, 2, 3, 4, 5, 6, 7, 8, kInfinity};
  EXPECT_EQ(Bound(scores, {1, 10}).value, kInfinity);
  EXPECT_TRUE(Bound(scores, {1, 10}).sufficient);
  EXPECT_EQ(Bound(scores, {1, 5}).value, 8);
}

TEST(Conformal, NoScoresBoundNothing) {
  EXPECT_EQ(Bound({}, {1, 10}).value, kInfinity);
  EXPECT_EQ(Bound({}, {1, 10}).rank, 1);
}

TEST(Conformal, SmallerAlphaNeverShortensAndAnInfiniteScoreNeverHelps) {
  Random random(3);
  std::vector<double> scores;
  for (int i = 0; i < 60; ++i) scores.push_back(random.Uniform());
  double last = 0;
  for (int p = 99; p >= 1; --p) {
    const double bound = Bound(scores, {p, 100}).value;
    EXPECT_GE(bound, last);
    last = bound;
    std::vector<double> more = scores;
    more.push_back(kInfinity);
    EXPECT_GE(Bound(more, {p, 100}).value, bound);
  }
}

TEST(Conformal, OrderAndIncreasingTransformsDoNotMatter) {
  Random random(4);
  std::vector<double> scores;
  for (int i = 0; i < 37; ++i) scores.push_back(random.Uniform());
  const double bound = Bound(scores, {1, 7}).value;
  std::vector<double> transformed = scores;
  for (double& score : transformed) score = std::exp(3 * score);
  EXPECT_EQ(Bound(transformed, {1, 7}).value, std::exp(3 * bound));
  random.Shuffle(scores);
  EXPECT_EQ(Bound(scores, {1, 7}).value, bound);
}

TEST(Conformal, ReplicatingScoresActsOnlyThroughTheRank) {
  // n = 9 -> k = 8 of 9; doubled, n = 18 -> k = ceil(19 * 4/5) = 16 of 18, the pair of the old 8th.
  std::vector<double> scores = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(Bound(scores, {1, 5}).value, 8);
  scores.insert(scores.end(), scores.begin(), scores.begin() + 9);
  EXPECT_EQ(Bound(scores, {1, 5}).rank, 16);
  EXPECT_EQ(Bound(scores, {1, 5}).value, 8);
}

TEST(Conformal, CoverageOverAllOrdersIsExactlyRankOverNPlusOne) {
  for (int n = 1; n <= 7; ++n) {
    for (const Fraction alpha : {Fraction{1, 2}, {2, 5}, {1, 5}, {1, 8}, {1, 10}}) {
      std::vector<double> values(static_cast<size_t>(n) + 1);
      std::iota(values.begin(), values.end(), 1.0);
      int64_t orders = 0;
      int64_t covered = 0;
      do {
        const ConformalBound bound =
            Bound(std::vector<double>(values.begin(), values.end() - 1), alpha);
        ++orders;
        covered += values.back() <= bound.value;
      } while (std::next_permutation(values.begin(), values.end()));
      const int64_t rank = UpperRank(n, alpha);
      EXPECT_EQ(covered * (n + 1), orders * rank) << n << " " << FormatFraction(alpha);
      EXPECT_GE(rank * alpha.denominator, (n + 1) * (alpha.denominator - alpha.numerator));
    }
  }
}

// P(X <= x) for X ~ BetaBinomial(trials; a, b): term ratios from the definition.
double BetaBinomialCdf(int x, int trials, double a, double b) {
  double log_term =
      std::lgamma(a + b) - std::lgamma(b) + std::lgamma(trials + b) - std::lgamma(trials + a + b);
  double sum = 0;
  for (int j = 0; j <= x; ++j) {
    sum += std::exp(log_term);
    log_term += std::log((trials - j) / (j + 1.0) * (a + j) / (b + trials - j - 1));
  }
  return sum;
}

TEST(Conformal, TheAcceptanceRegionIsTheBetaBinomialOne) {
  // n = 99, M = 1000: k = 90, Beta(90, 10); between 0.1 % and 99.9 % lie 781 to 972.
  EXPECT_LT(BetaBinomialCdf(780, 1000, 90, 10), 0.001);
  EXPECT_GE(BetaBinomialCdf(781, 1000, 90, 10), 0.001);
  EXPECT_LT(BetaBinomialCdf(971, 1000, 90, 10), 0.999);
  EXPECT_GE(BetaBinomialCdf(972, 1000, 90, 10), 0.999);
}

struct Region {
  int calibration, tests, low, high;
};

class ConformalCoverage : public ::testing::TestWithParam<Region> {};

TEST_P(ConformalCoverage, StaysInsideTheBetaBinomialRegion) {
  const Region& region = GetParam();
  // A skewed law, so that nothing leans on symmetry. Of 200 draws about 0.4 may leave the region;
  // three are a one-in-a-hundred surprise, and the seed is fixed.
  Random random(2024);
  int outside = 0;
  double mean = 0;
  constexpr int kDraws = 200;
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<double> scores;
    for (int i = 0; i < region.calibration; ++i) scores.push_back(-std::log1p(-random.Uniform()));
    const double bound = Bound(scores, {1, 10}).value;
    int covered = 0;
    for (int i = 0; i < region.tests; ++i) covered += -std::log1p(-random.Uniform()) <= bound;
    outside += covered < region.low || covered > region.high;
    mean += static_cast<double>(covered) / region.tests / kDraws;
  }
  EXPECT_LE(outside, 3);
  EXPECT_NEAR(mean, 0.9, 5 * 0.032 / std::sqrt(kDraws));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ConformalCoverage,
                         ::testing::Values(Region{99, 1000, 781, 972}, Region{999, 1000, 855, 938},
                                           Region{99, 200, 152, 197}));

TEST(Conformal, HighProbabilityRankMatchesTheWorkedFigures) {
  EXPECT_EQ(HighProbabilityRank(100, {1, 10}, {1, 20}), 96);
  // The least feasible n: 29 for (0.1, 0.05), 59 for (0.05, 0.05).
  EXPECT_EQ(HighProbabilityRank(28, {1, 10}, {1, 20}), 29);
  EXPECT_EQ(HighProbabilityRank(29, {1, 10}, {1, 20}), 29);
  EXPECT_EQ(HighProbabilityRank(58, {1, 20}, {1, 20}), 59);
  EXPECT_EQ(HighProbabilityRank(59, {1, 20}, {1, 20}), 59);
}

}  // namespace
}  // namespace quantd
