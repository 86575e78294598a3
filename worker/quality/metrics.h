// Sums row scores up into metrics with intervals.
//
// Summarize() takes the scores in row order and runs in a fixed order, so its result is the same
// bits for any number of threads or rows per batch. Which interval stands behind which metric, and
// why: docs/decisions/0002.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/stats/bootstrap.h"
#include "common/stats/fraction.h"
#include "worker/quality/metric_catalogue.h"
#include "worker/quality/report.h"
#include "worker/quality/row_scores.h"

namespace quantd {

struct SummaryOptions {
  std::vector<std::string> metrics;  // Ids; empty means all.
  Fraction alpha = {1, 20};          // Of each interval on its own.
  int32_t bootstrap_replicates = kBootstrapReplicatesDefault;
  uint64_t seed = 0;
  int threads = 1;         // Of the bootstrap; changes no bit.
  std::string population;  // What the rows are exchangeable with: "rows like those of test.npz".
};

struct Summary {
  std::vector<Metric> metrics;           // In catalogue order.
  ScoreDistribution score_distribution;  // Of the KL; no scores for OutputKind::kOther.
  std::vector<std::string>
      warnings;  // In sentences: few rows, many flips behind a small difference.
};

// At most this many order statistics of the conformal score go into the report.
inline constexpr int64_t kScoreDistributionMax = 512;

// Sums up. `labels` is empty or holds one class index a row. A metric that needs labels or classes
// which are not there is reported as not applicable, with the reason.
//
// Errors: INVALID_ARGUMENT, reason NO_EVALUATION_ROWS; reason LABEL_COUNT_MISMATCH, naming
// "labels"; reason LABEL_OUT_OF_RANGE, naming "labels[i]"; UNKNOWN_METRIC, naming "metrics[i]";
// INVALID_BOOTSTRAP.
absl::StatusOr<Summary> Summarize(OutputKind kind, absl::Span<const RowScores> rows,
                                  absl::Span<const int64_t> labels, const SummaryOptions& options);

}  // namespace quantd
