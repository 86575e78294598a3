// Numbers of one type into numbers of another, with normalization in between.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/graph/tensor.h"
#include "worker/io/data/data_spec.h"

namespace quantd {

// y = (x * scale - mean[c]) / std[c], in double precision and this order. `mean` and `std` hold one
// entry, or one a channel; c is (i / inner) % channels for element i of a row.
struct Normalization {
  double scale = 1;
  std::vector<double> mean = {0};
  std::vector<double> std = {1};
  int64_t channels = 1;
  int64_t inner = 1;

  bool identity() const;
  // In place; element 0 is element `begin` of its row.
  void Apply(double* values, int64_t count, int64_t begin) const;
};

// INVALID_ARGUMENT (BAD_PREPROCESSING) when mean or std have neither one entry nor `channels`.
absl::StatusOr<Normalization> MakeNormalization(const Preprocessing& preprocessing,
                                                int64_t channels, int64_t inner);

enum class Conversion {
  kOk,
  kNotFinite,  // A NaN or an infinity, before or after rounding to the target type.
  kNotExact,   // The target is an integer or truth value, and a value is none in its range.
};

// Whether rows can become this type: float, double, float16, the integers, bool.
bool IsFeedable(DataType dtype);

// Elements [begin, begin + count) of `source`, normalized and rounded to the nearest `target` (ties
// to even), written to `out`. Integers above 2^53 in magnitude are kNotExact unless the types are
// equal and nothing is normalized. REQUIRES: IsFeedable(both types); out has room and may lie at
// any address.
Conversion Convert(const Tensor& source, int64_t begin, int64_t count,
                   const Normalization& normalization, DataType target, void* out);

// The last step of Convert alone.
Conversion StoreAs(const double* values, int64_t count, DataType target, void* out);

}  // namespace quantd
