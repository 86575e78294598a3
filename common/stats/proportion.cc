#include "common/stats/proportion.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "common/stats/special_functions.h"

namespace quantd {

Bounds ClopperPearson(int64_t successes, int64_t trials, const Fraction& alpha) {
  QUANTD_CHECK(successes >= 0 && successes <= trials);
  const double tail = DivideLevel(alpha, 2).value();
  const double k = static_cast<double>(successes);
  const double n = static_cast<double>(trials);
  Bounds bounds;
  if (successes > 0) bounds.lower = InverseRegularizedIncompleteBeta(k, n - k + 1, tail);
  // By reflection, so that the upper end of k is one minus the lower end of n - k to the last bit.
  if (successes < trials) bounds.upper = 1 - InverseRegularizedIncompleteBeta(n - k, k + 1, tail);
  return bounds;
}

Bounds Wilson(int64_t successes, int64_t trials, const Fraction& alpha) {
  QUANTD_CHECK(successes >= 0 && successes <= trials);
  if (trials == 0) return {};
  const double n = static_cast<double>(trials);
  const double share = static_cast<double>(successes) / n;
  const double z = -NormalQuantile(DivideLevel(alpha, 2).value());
  const double z2 = z * z;
  const double centre = share + z2 / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
  const double scale = 1 + z2 / n;
  // At k = 0 and k = n an end is 0 or 1 in exact arithmetic; the rounding must not leave the range.
  return {successes == 0 ? 0 : std::max(0.0, (centre - half) / scale),
          successes == trials ? 1 : std::min(1.0, (centre + half) / scale)};
}

Bounds BetaPosterior(int64_t successes, int64_t trials, const Fraction& alpha) {
  QUANTD_CHECK(successes >= 0 && successes <= trials);
  const double tail = DivideLevel(alpha, 2).value();
  const double a = static_cast<double>(successes) + 1;
  const double b = static_cast<double>(trials - successes) + 1;
  return {InverseRegularizedIncompleteBeta(a, b, tail),
          1 - InverseRegularizedIncompleteBeta(b, a, tail)};
}

}  // namespace quantd
