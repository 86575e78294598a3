// Chooses the interval that stands behind each kind of metric, and says what it promises
// (docs/decisions/0002).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/stats/binomial.h"
#include "common/stats/bootstrap.h"
#include "common/stats/fraction.h"
#include "worker/quality/report.h"

namespace quantd {

// What all intervals of one evaluation share.
struct IntervalContext {
  Fraction alpha;
  int64_t n = 0;  // Rows.
  std::string population;
  uint64_t seed = 0;
};

// For a share of rows: Clopper-Pearson.
Interval ProportionInterval(const IntervalContext& context, int64_t successes);

// For a count of rows: the same, times n; the ends are the expected count in as many rows.
Interval CountInterval(const IntervalContext& context, int64_t count);

// For the mean of a column with values in `range`: BCa, or where all rows are equal the bounds that
// this alone allows.
Interval MeanInterval(const IntervalContext& context, const Bootstrap& bootstrap, size_t column,
                      const Bounds& range);

// For the difference of two accuracies: BCa of the paired differences in `column`, or below
// kDiscordantPairsMin discordant pairs the exact interval.
Interval DifferenceInterval(const IntervalContext& context, const Bootstrap& bootstrap,
                            size_t column, const Discordance& pairs);

// For a statistic without known bounds: BCa; insufficient, with infinite ends, where the replicates
// do not vary.
Interval StatisticInterval(const IntervalContext& context, const Bootstrap& bootstrap,
                           const Bootstrap::Statistic& statistic);

// An interval that says nothing: both ends infinite, insufficient.
Interval UnknownInterval(const IntervalContext& context);

// For the score of one new row, scores being >= 0: split conformal. `sorted_scores` ascending and
// without NaN.
Interval NewSampleInterval(const IntervalContext& context, const std::vector<double>& sorted_scores,
                           const std::string& score);

}  // namespace quantd
