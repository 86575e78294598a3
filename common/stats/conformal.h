// Split conformal prediction (Papadopoulos et al. 2002; Lei et al. 2018, arXiv:1604.04173): an
// upper bound for the score of the next exchangeable sample. With n calibration scores it is the
// k-th smallest, k = ceil((n + 1)(1 - alpha)); P(next score <= bound) >= 1 - alpha for every n and
// every distribution, on average over calibration sets.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/stats/fraction.h"

namespace quantd {

struct ConformalBound {
  double value = 0;  // +inf when rank > n, or when the score at that rank is +inf.
  int64_t rank = 0;  // k, from 1; n + 1 when there are too few scores.
  int64_t n = 0;
  int64_t n_required = 0;   // The least n for a finite bound at this level.
  bool sufficient = false;  // rank <= n. Never repaired by taking the largest score instead.
};

// `scores` in any order, larger is worse. Scores of +inf (a diverged model) take part as they are.
//
// Errors: INVALID_ARGUMENT, reason NAN_SCORE, naming the first NaN's index: dropping it would bias
// the rank.
absl::StatusOr<ConformalBound> SplitConformalUpper(absl::Span<const double> scores,
                                                   const Fraction& alpha);

// The same for scores that are sorted ascending and free of NaN.
ConformalBound SplitConformalUpperSorted(absl::Span<const double> sorted_scores,
                                         const Fraction& alpha);

// The conformal p-value of a new score: (1 + #{i : S_i >= score}) / (n + 1).
double ConformalPValue(absl::Span<const double> scores, double score);

// The smallest rank whose bound covers at least 1 - alpha with probability at least 1 - delta over
// calibration sets (coverage of rank k is Beta(k, n + 1 - k), Vovk 2012); n + 1 when no rank does.
int64_t HighProbabilityRank(int64_t n, const Fraction& alpha, const Fraction& delta);

}  // namespace quantd
