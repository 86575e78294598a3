// An exact miscoverage level and the ranks that follow from it, in integers only: ceil((n + 1)(1 -
// alpha)) computed in doubles is off by one at some levels (n = 99, 1 - alpha = 55/100 gives 56,
// not 55).
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

inline constexpr int64_t kFractionDenominatorMax = 1'000'000'000;

// The default is one half, the level that any code which forgets to set it will notice.
struct Fraction {
  int64_t numerator = 1;
  int64_t denominator = 2;

  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }

  friend bool operator==(const Fraction&, const Fraction&) = default;
};

// A level in (0, 1) in lowest terms.
//
// Errors: INVALID_ARGUMENT, reason INVALID_ALPHA, naming `field`: not 0 < numerator < denominator
// <= 10^9.
absl::StatusOr<Fraction> MakeLevel(int64_t numerator, int64_t denominator, absl::string_view field);

// "1/20", "0.05" or "5%" as the exact level 1/20. Errors as MakeLevel().
absl::StatusOr<Fraction> ParseLevel(absl::string_view text, absl::string_view field);

// "1/20".
std::string FormatFraction(const Fraction& fraction);

// 100 (1 - alpha) in the fewest digits: "95" for 1/20, "97.5" for 1/40. For sentences, not for
// arithmetic.
std::string CoveragePercent(const Fraction& alpha);

// alpha / parts, in lowest terms; the level of each of `parts` tails (Bonferroni). REQUIRES: parts
// in 1..4. The denominator may exceed kFractionDenominatorMax by that factor; every function below
// allows for it.
Fraction DivideLevel(const Fraction& alpha, int64_t parts);

// ceil((n + 1)(1 - alpha)): the rank, from 1, of the split conformal upper bound among n scores. It
// is n + 1 when n is too small for a finite bound. REQUIRES: n >= 0, a valid level.
int64_t UpperRank(int64_t n, const Fraction& alpha);

// floor((n + 1) alpha): the rank of the lower bound; 0 when n is too small for a finite one.
int64_t LowerRank(int64_t n, const Fraction& alpha);

// ceil(1/alpha) - 1: the least n with a finite one-sided bound. For two tails pass
// DivideLevel(alpha, 2).
int64_t RequiredSamples(const Fraction& alpha);

}  // namespace quantd
