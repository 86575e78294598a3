// Inputs for the kernels, and comparison by bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/random.h"

namespace quantd::testing {

// Numbers of that deviation, bell-shaped (twelve uniform ones summed); every thirteenth or so is a special one when `specials`.
inline std::vector<float> KernelInput(size_t n, uint64_t seed, double deviation, bool specials = false) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kSpecials[] = {0.0f, -0.0f, 1e-40f, -1e-40f, kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(),
                                 3e38f, -3e38f, 88.5f, -90.0f, -103.5f, 0.5f, -2.5f};
  Random random(seed);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += random.Uniform();
    values[i] = static_cast<float>(sum * deviation);
    if (specials && random.Below(13) == 0) values[i] = kSpecials[random.Below(std::size(kSpecials))];
  }
  return values;
}

inline bool SameBits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace quantd::testing
