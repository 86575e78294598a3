// The few special functions that exact intervals need, in doubles. Relative accuracy is about 1e-13
// for arguments up to 1e6, so a confidence bound is right to every digit that a report prints.
//
// Pure functions; thread-safe (unlike std::lgamma, which writes a global).
#pragma once

namespace quantd {

// ln Gamma(x). REQUIRES: x > 0.
double LogGamma(double x);

// I_x(a, b), the distribution function of Beta(a, b) at x. REQUIRES: a > 0, b > 0; x is clipped to
// [0, 1].
double RegularizedIncompleteBeta(double a, double b, double x);

// The x with I_x(a, b) = p. REQUIRES: a > 0, b > 0; p is clipped to [0, 1].
double InverseRegularizedIncompleteBeta(double a, double b, double p);

// The distribution function of the standard normal law.
double NormalCdf(double x);

// The z with NormalCdf(z) = p; -inf at 0 and +inf at 1. REQUIRES: 0 <= p <= 1.
double NormalQuantile(double p);

}  // namespace quantd
