#include "common/stats/conformal.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/stats/special_functions.h"

namespace quantd {

absl::StatusOr<ConformalBound> SplitConformalUpper(absl::Span<const double> scores,
                                                   const Fraction& alpha) {
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) {
      return MakeError(absl::StatusCode::kInvalidArgument, "NAN_SCORE",
                       absl::StrCat("score ", i, " of ", scores.size(),
                                    " is NaN; leaving it out would bias the bound"));
    }
  }
  std::vector<double> sorted(scores.begin(), scores.end());
  std::sort(sorted.begin(), sorted.end());
  return SplitConformalUpperSorted(sorted, alpha);
}

ConformalBound SplitConformalUpperSorted(absl::Span<const double> sorted_scores,
                                         const Fraction& alpha) {
  ConformalBound bound;
  bound.n = static_cast<int64_t>(sorted_scores.size());
  bound.rank = UpperRank(bound.n, alpha);
  bound.n_required = RequiredSamples(alpha);
  bound.sufficient = bound.rank <= bound.n;
  bound.value = bound.sufficient ? sorted_scores[static_cast<size_t>(bound.rank - 1)]
                                 : std::numeric_limits<double>::infinity();
  return bound;
}

double ConformalPValue(absl::Span<const double> scores, double score) {
  const auto at_least =
      std::count_if(scores.begin(), scores.end(), [score](double other) { return other >= score; });
  return static_cast<double>(1 + at_least) / static_cast<double>(scores.size() + 1);
}

int64_t HighProbabilityRank(int64_t n, const Fraction& alpha, const Fraction& delta) {
  // P(Beta(k, n+1-k) >= 1-alpha) = I_alpha(n+1-k, k) grows with k, so the smallest such k is found
  // by bisection.
  const auto holds = [&](int64_t k) {
    const double above = static_cast<double>(n + 1 - k);
    const double miss = 1 - RegularizedIncompleteBeta(above, static_cast<double>(k), alpha.value());
    return miss <= delta.value();
  };
  int64_t low = 1;
  int64_t high = n + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace quantd
