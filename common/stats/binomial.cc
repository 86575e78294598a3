#include "common/stats/binomial.h"

#include <algorithm>

#include "common/check.h"
#include "common/stats/special_functions.h"

namespace quantd {

double BinomialCdf(int64_t k, int64_t n, double p) {
  QUANTD_CHECK(n >= 0 && p >= 0 && p <= 1);
  if (k < 0) return 0;
  if (k >= n) return 1;
  const double successes = static_cast<double>(k);
  return RegularizedIncompleteBeta(static_cast<double>(n) - successes, successes + 1, 1 - p);
}

double McNemarExact(const Discordance& pairs) {
  const int64_t n = pairs.first_only + pairs.second_only;
  return std::min(1.0, 2 * BinomialCdf(std::min(pairs.first_only, pairs.second_only), n, 0.5));
}

Bounds PairedDifferenceExact(const Discordance& pairs, int64_t trials, const Fraction& alpha) {
  QUANTD_CHECK(trials > 0 && pairs.first_only + pairs.second_only <= trials);
  const Fraction each = DivideLevel(alpha, 2);
  const Bounds losses = ClopperPearson(pairs.first_only, trials, each);
  const Bounds gains = ClopperPearson(pairs.second_only, trials, each);
  return {gains.lower - losses.upper, gains.upper - losses.lower};
}

}  // namespace quantd
