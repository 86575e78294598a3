// Confidence intervals of a proportion after k successes in n independent trials.
//
// Clopper-Pearson (1934) covers at least 1 - alpha for every n and every true proportion, so gates
// use it. Wilson (1927) and the Beta posterior are shorter and cover 1 - alpha on average over
// proportions; they are for display. The normal ("Wald") interval is left out on purpose: it has no
// width at k = 0 and k = n.
#pragma once

#include <cstdint>

#include "common/stats/fraction.h"

namespace quantd {

struct Bounds {
  double lower = 0;
  double upper = 1;
};

// Two-sided, alpha/2 in each tail. REQUIRES: 0 <= successes <= trials. No trials: [0, 1].
Bounds ClopperPearson(int64_t successes, int64_t trials, const Fraction& alpha);
Bounds Wilson(int64_t successes, int64_t trials, const Fraction& alpha);

// Equal-tailed credible interval under the uniform prior: quantiles of Beta(k + 1, n - k + 1).
Bounds BetaPosterior(int64_t successes, int64_t trials, const Fraction& alpha);

}  // namespace quantd
