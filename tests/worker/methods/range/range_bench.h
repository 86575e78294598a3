// What the tests of range methods share.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/random.h"
#include "worker/methods/range/registry.h"

namespace quantd::testing {

inline std::unique_ptr<RangeMethod> MakeRange(const Component& component) {
  for (const RangeInfo* info : range::All()) {
    if (info->method.id != component.id) continue;
    QUANTD_CHECK(CheckParams(info->method.params, component).empty());
    return info->create(Params(info->method.params, component));
  }
  QUANTD_CHECK(false);
  return nullptr;
}

inline TensorStatistics Observe(const std::vector<std::vector<float>>& batches) {
  TensorStatistics statistics;
  for (const std::vector<float>& batch : batches) statistics.Update(batch);
  return statistics;
}

// A bell with rare values far outside: what clipping is made for.
inline std::vector<float> HeavyTailed(int count, uint64_t seed, double shift = 0) {
  Random random(seed);
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += random.Uniform();
    values.push_back(static_cast<float>(sum * (random.Below(500) == 0 ? 20 : 1) + shift));
  }
  return values;
}

// sum |x - q(x)|^exponent with the range's codes, by the definition of an affine code.
inline double ErrorOf(const std::vector<float>& values, const ClipRange& range,
                      const IntFormat& format, double exponent = 2) {
  const QuantParams params = format.Params(range.lower, range.upper);
  double error = 0;
  for (const float x : values) {
    const double code =
        std::clamp<double>(std::nearbyint(double{x} / params.scale) + params.zero_point,
                           format.lowest, format.highest);
    error += std::pow(std::fabs(x - (code - params.zero_point) * double{params.scale}), exponent);
  }
  return error;
}

inline const IntFormat& Uint8() { return *FindIntFormat("uint8_asym"); }
inline const IntFormat& Int8() { return *FindIntFormat("int8_sym"); }
inline IntFormat Int3() { return {.id = "int3", .lowest = -3, .highest = 3, .symmetric = true}; }
inline IntFormat Uint4() { return {.id = "uint4", .lowest = 0, .highest = 15, .symmetric = false}; }

}  // namespace quantd::testing
