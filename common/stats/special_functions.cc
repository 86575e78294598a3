#include "common/stats/special_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "common/check.h"

namespace quantd {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kTiny = 1e-300;  // Keeps Lentz' quotients away from zero.

// ln Gamma(x + 1) minus Stirling's formula at x: the correction that keeps binomial probabilities
// accurate when the large terms cancel (C. Loader, "Fast and Accurate Computation of Binomial
// Probabilities", 2000).
double StirlingError(double x) {
  if (x < 16) {
    return LogGamma(x + 1) - (x + 0.5) * std::log(x) + x - 0.5 * std::log(2 * std::numbers::pi);
  }
  // The asymptotic series 1/12x - 1/360x^3 + 1/1260x^5 - ...; at 16 the first omitted term is below
  // 1e-16.
  const double x2 = x * x;
  return (1.0 / 12 -
          (1.0 / 360 -
           (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188 - 691.0 / 360360 / x2) / x2) / x2) / x2) /
              x2) /
         x;
}

// x ln(x/m) + m - x without cancellation near x = m (Loader's bd0).
double Deviance(double x, double m) {
  if (std::abs(x - m) < 0.1 * (x + m)) {
    const double v = (x - m) / (x + m);
    double sum = (x - m) * v;
    double term = 2 * x * v;
    for (int j = 1; j < 1000; ++j) {
      term *= v * v;
      const double next = sum + term / (2 * j + 1);
      if (next == sum) break;
      sum = next;
    }
    return sum;
  }
  return x * std::log(x / m) + m - x;
}

// x^a (1-x)^b / (a B(a, b)) for 0 < x < 1, given y = 1 - x.
double Prefactor(double a, double b, double x, double y) {
  // B(a, b) = (a + b)/(a b) / C(a + b, a) for real arguments, so this is b/(a + b) times the
  // "binomial probability" C(a + b, a) x^a y^b, in Loader's form: every exponent is small where the
  // value matters.
  const double n = a + b;
  const double exponent = StirlingError(n) - StirlingError(a) - StirlingError(b) -
                          Deviance(a, n * x) - Deviance(b, n * y);
  return b / n * std::sqrt(n / (2 * std::numbers::pi * a * b)) * std::exp(exponent);
}

// The continued fraction of DLMF 8.17.22 by the modified Lentz method; converges fast for x < (a +
// 1)/(a + b + 2).
double ContinuedFraction(double a, double b, double x) {
  double c = 1;
  double d = 1 - (a + b) * x / (a + 1);
  if (std::abs(d) < kTiny) d = kTiny;
  d = 1 / d;
  double value = d;
  // O(sqrt(max(a, b))) steps suffice; the bound is for arguments far beyond the promised range.
  constexpr int kStepsMax = 100'000;
  for (int m = 1; m < kStepsMax; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double coefficient : {even, odd}) {
      d = 1 + coefficient * d;
      if (std::abs(d) < kTiny) d = kTiny;
      c = 1 + coefficient / c;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1 / d;
      step = c * d;
      value *= step;
    }
    if (std::abs(step - 1) < kEpsilon) break;
  }
  return value;
}

}  // namespace

double LogGamma(double x) {
  QUANTD_CHECK(x > 0);
  int sign = 0;
  return lgamma_r(x, &sign);
}

double RegularizedIncompleteBeta(double a, double b, double x) {
  QUANTD_CHECK(a > 0 && b > 0);
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double y = 1 - x;
  if (x < (a + 1) / (a + b + 2)) {
    return std::min(1.0, Prefactor(a, b, x, y) * ContinuedFraction(a, b, x));
  }
  return std::max(0.0, 1 - Prefactor(b, a, y, x) * ContinuedFraction(b, a, y));
}

double InverseRegularizedIncompleteBeta(double a, double b, double p) {
  QUANTD_CHECK(a > 0 && b > 0);
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  // Newton from the mean, kept inside a shrinking bracket; bisection where a step would leave it.
  // The derivative is a * Prefactor / (x y).
  double low = 0;
  double high = 1;
  double x = a / (a + b);
  constexpr int kStepsMax =
      1100;  // Bisection alone reaches the smallest double in this many steps.
  for (int step = 0; step < kStepsMax; ++step) {
    const double error = RegularizedIncompleteBeta(a, b, x) - p;
    if (error == 0) return x;
    (error < 0 ? low : high) = x;
    const double density = a * Prefactor(a, b, x, 1 - x) / (x * (1 - x));
    double next = density > 0 ? x - error / density : low;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (std::abs(next - x) <= 2 * kEpsilon * x || next == low || next == high) return next;
    x = next;
  }
  return x;
}

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double NormalQuantile(double p) {
  QUANTD_CHECK(p >= 0 && p <= 1);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  if (p > 0.5) return -NormalQuantile(1 - p);  // 1 - p is exact here (Sterbenz).
  if (p == 0.5) return 0;
  // Abramowitz and Stegun 26.2.23 gives three digits; each Halley step on the distribution function
  // triples them.
  const double t = std::sqrt(-2 * std::log(p));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int step = 0; step < 3; ++step) {
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    if (density == 0) break;  // Below 1e-308 the start is all that doubles can tell.
    const double newton = (NormalCdf(z) - p) / density;
    z -= newton / (1 + 0.5 * z * newton);
  }
  return z;
}

}  // namespace quantd
