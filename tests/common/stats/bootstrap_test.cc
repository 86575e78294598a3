#include "common/stats/bootstrap.h"

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;

constexpr Fraction kFivePercent{1, 20};

Bootstrap Draw(std::vector<std::vector<double>> columns, const BootstrapOptions& options) {
  return Bootstrap::Draw(std::move(columns), options).value();
}

TEST(Bootstrap, PercentileEndsAreQuantilesOfTheExactResamplingLaw) {
  // Four rows have 4^4 = 256 equally likely resamples; all of them are listed here.
  const std::vector<double> rows = {0, 1, 2, 10};
  const auto exact_cdf = [&](double mean) {
    int count = 0;
    for (int code = 0; code < 256; ++code) {
      const double sum =
          rows[static_cast<size_t>(code & 3)] + rows[static_cast<size_t>(code >> 2 & 3)] +
          rows[static_cast<size_t>(code >> 4 & 3)] + rows[static_cast<size_t>(code >> 6)];
      count += sum / 4 <= mean + 1e-12;
    }
    return count / 256.0;
  };
  const Bootstrap bootstrap = Draw({rows}, {.replicates = 100'000, .seed = 1});
  const auto interval = bootstrap.OfMean(0, {1, 5}, BootstrapKind::kPercentile);
  EXPECT_EQ(interval.estimate, 3.25);
  // Means step by 1/4; at the quantile the law reaches its level, one step below it does not.
  constexpr double kNoise = 0.005;  // Five standard errors of a share of 100,000 replicates.
  EXPECT_GE(exact_cdf(interval.bounds.lower), 0.1 - kNoise);
  EXPECT_LE(exact_cdf(interval.bounds.lower - 0.25), 0.1 + kNoise);
  EXPECT_GE(exact_cdf(interval.bounds.upper), 0.9 - kNoise);
  EXPECT_LE(exact_cdf(interval.bounds.upper - 0.25), 0.9 + kNoise);
}

TEST(Bootstrap, BcaMatchesAnIndependentComputation) {
  // Twenty quantiles of the exponential law; ends from NumPy with 2,000,000 replicates. BCa lies to
  // the right of the percentile interval, as it should for a law that is skewed to the right.
  std::vector<double> rows;
  for (int i = 0; i < 20; ++i) rows.push_back(-std::log(1 - (i + 0.5) / 20));
  const Bootstrap bootstrap = Draw({rows}, {.replicates = 200'000, .seed = 5});
  const auto percentile = bootstrap.OfMean(0, kFivePercent, BootstrapKind::kPercentile);
  const auto bca = bootstrap.OfMean(0, kFivePercent, BootstrapKind::kBca);
  EXPECT_NEAR(bca.estimate, 0.9827754719736861, 1e-14);
  EXPECT_NEAR(percentile.bounds.lower, 0.6109, 0.005);
  EXPECT_NEAR(percentile.bounds.upper, 1.4167, 0.008);
  EXPECT_NEAR(bca.bounds.lower, 0.6561, 0.005);
  EXPECT_NEAR(bca.bounds.upper, 1.5014, 0.010);
}

TEST(Bootstrap, PairedDifferencesHaveThePairedSpread) {
  // Full precision (1,1,0,1,0,1,1,1,0,1), quantized (1,1,0,1,1,1,0,1,0,0): mean difference -0.1.
  // The bootstrap's standard deviation is sqrt(sum (d - mean)^2)/n = sqrt(3 - 10 * 0.01)/10 =
  // 0.1703; unpaired it would be 0.2119.
  const std::vector<double> reference = {1, 1, 0, 1, 0, 1, 1, 1, 0, 1};
  const std::vector<double> quantized = {1, 1, 0, 1, 1, 1, 0, 1, 0, 0};
  const Bootstrap bootstrap = Draw({quantized, reference}, {.replicates = 50'000, .seed = 2});
  const auto difference = [](absl::Span<const double> means) { return means[0] - means[1]; };
  // The share of replicates within one step of 0.1 around the estimate is that of the multinomial
  // law; its 15.87 % and 84.13 % points lie one standard deviation, that is about two steps, from
  // the mean.
  const auto interval = bootstrap.Of(difference, {3173, 10000}, BootstrapKind::kPercentile);
  EXPECT_NEAR(interval.estimate, -0.1, 1e-15);
  EXPECT_NEAR(interval.bounds.lower, -0.3, 1e-12);
  EXPECT_NEAR(interval.bounds.upper, 0.1, 1e-12);
}

TEST(Bootstrap, ThreadsChangeNoBit) {
  std::vector<double> rows;
  for (int i = 0; i < 97; ++i) rows.push_back(std::sin(i) * std::exp(i / 20.0));
  const auto one = Draw({rows, rows}, {.replicates = 1001, .seed = 9, .threads = 1});
  for (const int threads : {2, 3, 7, 5000}) {
    const auto many = Draw({rows, rows}, {.replicates = 1001, .seed = 9, .threads = threads});
    for (const auto kind : {BootstrapKind::kPercentile, BootstrapKind::kBca}) {
      const auto a = one.OfMean(1, kFivePercent, kind);
      const auto b = many.OfMean(1, kFivePercent, kind);
      EXPECT_EQ(a.bounds.lower, b.bounds.lower);
      EXPECT_EQ(a.bounds.upper, b.bounds.upper);
    }
  }
  const auto other = Draw({rows, rows}, {.replicates = 1001, .seed = 10});
  EXPECT_NE(one.OfMean(0, kFivePercent, BootstrapKind::kBca).bounds.lower,
            other.OfMean(0, kFivePercent, BootstrapKind::kBca).bounds.lower);
}

TEST(Bootstrap, AColumnsIntervalDoesNotDependOnItsNeighbours) {
  std::vector<double> rows = {3, 1, 4, 1, 5, 9, 2, 6};
  const auto alone = Draw({rows}, {.replicates = 500, .seed = 3});
  const auto beside = Draw({std::vector<double>(8, 1e9), rows}, {.replicates = 500, .seed = 3});
  EXPECT_EQ(alone.OfMean(0, kFivePercent, BootstrapKind::kBca).bounds.upper,
            beside.OfMean(1, kFivePercent, BootstrapKind::kBca).bounds.upper);
}

TEST(Bootstrap, EqualRowsAreCalledDegenerate) {
  const Bootstrap bootstrap = Draw({std::vector<double>(50, 0.1)}, {.replicates = 200});
  const auto interval = bootstrap.OfMean(0, kFivePercent, BootstrapKind::kBca);
  EXPECT_TRUE(interval.degenerate);
  EXPECT_EQ(interval.bounds.lower, 0.1);
  EXPECT_EQ(interval.bounds.upper, 0.1);
  const Bootstrap varied = Draw({{1, 1, 1, 2}}, {.replicates = 200});
  EXPECT_FALSE(varied.OfMean(0, kFivePercent, BootstrapKind::kBca).degenerate);
}

TEST(Bootstrap, RefusesWhatItCanNotResample) {
  const BootstrapOptions options;
  EXPECT_THAT(Bootstrap::Draw({}, options).status(), HasReason("INVALID_BOOTSTRAP"));
  EXPECT_THAT(Bootstrap::Draw({{}}, options).status(), HasReason("INVALID_BOOTSTRAP"));
  EXPECT_THAT(Bootstrap::Draw({{1, 2}, {1}}, options).status(), HasReason("INVALID_BOOTSTRAP"));
  EXPECT_THAT(Bootstrap::Draw({{1, 2}}, {.replicates = 99}).status(),
              HasReason("INVALID_BOOTSTRAP"));
  EXPECT_THAT(Bootstrap::Draw({{1, std::nan("")}}, options).status(),
              HasReason("NON_FINITE_VALUE"));
}

TEST(ConstantRows, AllowForTheUnseenShare) {
  // 0.05^(1/99) = 0.970194...: at most 2.98 % of the population may differ, anywhere in [-1, 1].
  const double share = 1 - std::pow(0.05, 1.0 / 99);
  const Bounds bounds = ConstantRowsBounds(1, 100, {-1, 1}, kFivePercent);
  EXPECT_NEAR(bounds.lower, 1 - 2 * share, 1e-12);
  EXPECT_EQ(bounds.upper, 1);
  // One row says nothing about the others.
  EXPECT_EQ(ConstantRowsBounds(0.5, 1, {0, 2}, kFivePercent).lower, 0);
  EXPECT_EQ(ConstantRowsBounds(0.5, 1, {0, 2}, kFivePercent).upper, 2);
}

TEST(ConstantRows, AnUnboundedRangeBoundsNothing) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Bounds bounds = ConstantRowsBounds(0, 1000, {0, infinity}, kFivePercent);
  EXPECT_EQ(bounds.lower, 0);
  EXPECT_EQ(bounds.upper, infinity);
}

}  // namespace
}  // namespace quantd
