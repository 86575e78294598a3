#include "tests/bench/latency/samples.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace quantd::bench {

double Quantile(std::vector<double> samples, double share) {
  QUANTD_CHECK(!samples.empty());
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<size_t>(share * static_cast<double>(samples.size()))];
}

RatioEstimate RatioOf(const std::vector<double>& numerators,
                      const std::vector<double>& denominators) {
  const size_t rounds = numerators.size();
  QUANTD_CHECK(rounds >= 2 && denominators.size() == rounds);
  std::vector<double> logs;
  double mean = 0;
  for (size_t i = 0; i < rounds; ++i) {
    logs.push_back(std::log(numerators[i] / denominators[i]));
    mean += logs.back() / static_cast<double>(rounds);
  }
  double squares = 0;
  for (const double log : logs) squares += (log - mean) * (log - mean);
  const double error = std::sqrt(squares / static_cast<double>(rounds * (rounds - 1)));
  return {std::exp(mean), std::exp(mean - 2 * error), std::exp(mean + 2 * error)};
}

}  // namespace quantd::bench
