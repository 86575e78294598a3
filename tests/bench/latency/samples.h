// Figures of many measurements.
#pragma once

#include <vector>

namespace quantd::bench {

// The sample below which `share` of them lie. REQUIRES: there are some; 0 <= share < 1.
double Quantile(std::vector<double> samples, double share);

// A ratio that every round measured, with what its rounds tell about it.
struct RatioEstimate {
  double mean = 1;              // Geometric.
  double lower = 1, upper = 1;  // Two standard errors of the rounds around it.
};

// REQUIRES: both have one positive figure a round, and there are at least two rounds.
RatioEstimate RatioOf(const std::vector<double>& numerators,
                      const std::vector<double>& denominators);

}  // namespace quantd::bench
