// Binomial probabilities, and the exact test on paired outcomes that rests on them.
#pragma once

#include <cstdint>

#include "common/stats/fraction.h"
#include "common/stats/proportion.h"

namespace quantd {

// P(Bin(n, p) <= k). REQUIRES: n >= 0, 0 <= p <= 1.
double BinomialCdf(int64_t k, int64_t n, double p);

// Two models on the same items: how many only the first and only the second gets right.
struct Discordance {
  int64_t first_only = 0;
  int64_t second_only = 0;
};

// From so many discordant pairs on, the bootstrap of a difference of two shares covers what it
// promises; below, use PairedDifferenceExact() (docs/decisions/0002).
inline constexpr int64_t kDiscordantPairsMin = 20;

// The exact two-sided McNemar p-value, min(1, 2 P(Bin(b + c, 1/2) <= min(b, c))).
double McNemarExact(const Discordance& pairs);

// An interval for P(second right) - P(first right) that covers at least 1 - alpha for every n: each
// of the two discordant rates gets a Clopper-Pearson interval at alpha/2 and the ends are combined
// in the worst way. Unlike the bootstrap it keeps its width when no pair is discordant. REQUIRES:
// both counts fit in `trials`, trials > 0.
Bounds PairedDifferenceExact(const Discordance& pairs, int64_t trials, const Fraction& alpha);

}  // namespace quantd
