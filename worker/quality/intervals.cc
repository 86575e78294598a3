#include "worker/quality/intervals.h"

#include <bit>
#include <cmath>

#include "absl/strings/string_view.h"
#include "common/digest.h"
#include "common/stats/conformal.h"
#include "common/stats/proportion.h"
#include "worker/quality/metrics.h"

namespace quantd {
namespace {

Interval Describe(const IntervalContext& context, const char* method, GuaranteeClass guarantee) {
  Interval interval;
  interval.method = method;
  interval.guarantee = guarantee;
  interval.alpha = context.alpha;
  interval.n = context.n;
  interval.population = context.population;
  return interval;
}

void SetBounds(const Bounds& bounds, Interval* interval) {
  interval->lower = bounds.lower;
  interval->upper = bounds.upper;
}

Interval DescribeBootstrap(const IntervalContext& context, const Bootstrap& bootstrap,
                           const Bounds& bounds) {
  Interval interval = Describe(context, "paired_bootstrap_bca", GuaranteeClass::kAsymptotic);
  interval.seed = context.seed;
  interval.replicates = bootstrap.replicates();
  interval.n_required = 2;
  SetBounds(bounds, &interval);
  return interval;
}

// SHA-256 over the sorted scores as little-endian binary64: equal calibration sets in any order,
// equal digests.
std::string DigestOfScores(const std::vector<double>& sorted_scores) {
  Sha256 digest;
  for (const double score : sorted_scores) {
    const uint64_t bits = std::bit_cast<uint64_t>(score);
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(bits >> (8 * i) & 0xff);
    digest.Update(absl::string_view(bytes, sizeof(bytes)));
  }
  return digest.HexDigest();
}

}  // namespace

Interval ProportionInterval(const IntervalContext& context, int64_t successes) {
  Interval interval = Describe(context, "clopper_pearson", GuaranteeClass::kExactConfidence);
  SetBounds(ClopperPearson(successes, context.n, context.alpha), &interval);
  return interval;
}

Interval CountInterval(const IntervalContext& context, int64_t count) {
  Interval interval = ProportionInterval(context, count);
  interval.lower *= static_cast<double>(context.n);
  interval.upper *= static_cast<double>(context.n);
  return interval;
}

Interval MeanInterval(const IntervalContext& context, const Bootstrap& bootstrap, size_t column,
                      const Bounds& range) {
  const Bootstrap::Interval resampled =
      bootstrap.OfMean(column, context.alpha, BootstrapKind::kBca);
  if (!resampled.degenerate) return DescribeBootstrap(context, bootstrap, resampled.bounds);
  Interval interval = Describe(context, "constant_rows", GuaranteeClass::kExactConfidence);
  SetBounds(ConstantRowsBounds(resampled.estimate, context.n, range, context.alpha), &interval);
  return interval;
}

Interval DifferenceInterval(const IntervalContext& context, const Bootstrap& bootstrap,
                            size_t column, const Discordance& pairs) {
  if (pairs.first_only + pairs.second_only >= kDiscordantPairsMin) {
    const Bootstrap::Interval resampled =
        bootstrap.OfMean(column, context.alpha, BootstrapKind::kBca);
    // Rows that all differ the same way would pass the count and still have no spread.
    if (!resampled.degenerate) return DescribeBootstrap(context, bootstrap, resampled.bounds);
  }
  Interval interval =
      Describe(context, "clopper_pearson_discordant", GuaranteeClass::kExactConfidence);
  SetBounds(PairedDifferenceExact(pairs, context.n, context.alpha), &interval);
  return interval;
}

Interval StatisticInterval(const IntervalContext& context, const Bootstrap& bootstrap,
                           const Bootstrap::Statistic& statistic) {
  const Bootstrap::Interval resampled = bootstrap.Of(statistic, context.alpha, BootstrapKind::kBca);
  if (resampled.degenerate) return UnknownInterval(context);
  return DescribeBootstrap(context, bootstrap, resampled.bounds);
}

Interval UnknownInterval(const IntervalContext& context) {
  Interval interval = Describe(context, "paired_bootstrap_bca", GuaranteeClass::kAsymptotic);
  interval.lower_infinite = true;
  interval.upper_infinite = true;
  interval.n_required = 2;
  interval.status = IntervalStatus::kInsufficientCalibration;
  return interval;
}

Interval NewSampleInterval(const IntervalContext& context, const std::vector<double>& sorted_scores,
                           const std::string& score) {
  Interval interval = Describe(context, "split_conformal", GuaranteeClass::kFiniteSampleMarginal);
  const ConformalBound bound = SplitConformalUpperSorted(sorted_scores, context.alpha);
  interval.target = IntervalTarget::kNewSample;
  interval.upper_infinite = !std::isfinite(bound.value);
  interval.upper = interval.upper_infinite ? 0 : bound.value;
  interval.n = bound.n;
  interval.n_required = bound.n_required;
  interval.rank = bound.rank;
  interval.score = score;
  interval.calibration_digest = DigestOfScores(sorted_scores);
  if (!bound.sufficient) interval.status = IntervalStatus::kInsufficientCalibration;
  return interval;
}

}  // namespace quantd
