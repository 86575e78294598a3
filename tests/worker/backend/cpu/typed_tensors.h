// Tests of kernels for many element types.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "common/random.h"
#include "worker/graph/tensor.h"

namespace quantd::testing {

using IntegerTypes = ::testing::Types<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;
using SignedTypes = ::testing::Types<int8_t, int16_t, int32_t, int64_t>;
using ElementTypes = ::testing::Types<float, double, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t,
                                      int32_t, int64_t, bool>;

// Every corner of an integer type: the ends of its range and the numbers around zero.
template <typename T>
std::vector<T> Corners() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> corners = {Limits::min(), T(Limits::min() + 1), T(Limits::max() - 1), Limits::max(),
                            T(Limits::max() / 2 + 1)};
  for (int i = std::is_signed_v<T> ? -4 : 0; i <= 7; ++i) corners.push_back(static_cast<T>(i));
  return corners;
}

template <typename T>
Tensor VectorOf(const std::vector<T>& values) {
  return Tensor::Of<T>({static_cast<int64_t>(values.size())}, values);
}

// Small whole numbers, which every type holds: 0 to `reach`; of truth values about half are true.
template <typename T>
Tensor RandomWhole(const Shape& shape, uint64_t seed, double reach = 100) {
  Random random(seed);
  Tensor tensor(DataTypeOf<T>::value, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double whole = std::floor(random.Uniform() * (reach + 1));
    tensor.mutable_data<T>()[i] = std::is_same_v<T, bool> ? whole > reach / 2 : static_cast<T>(whole);
  }
  return tensor;
}

}  // namespace quantd::testing
