// What the integer kernels share: codes minus their zero point as exact numbers, and the way back.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {

// Requires uint8 or int8. UNSUPPORTED_TYPE otherwise.
absl::Status RequireBytes(const Inputs& inputs, size_t index);

// Zero points, one or one a channel, of the type of the codes at `codes_index`; {0} where input `index` is absent.
//
// Errors: UNSUPPORTED_TYPE, and BAD_SHAPE when there is neither one nor `channels` of them in one vector.
absl::StatusOr<std::vector<int32_t>> ZeroPoints(const Inputs& inputs, size_t index, size_t codes_index,
                                                int64_t channels);

// One scale or one a channel, in float. Errors as ZeroPoints().
absl::StatusOr<std::vector<float>> Scales(const Inputs& inputs, size_t index, int64_t channels);

// The value of channel c of a list that has one entry for all or one a channel.
template <typename T>
T OfChannel(const std::vector<T>& values, int64_t c) {
  return values[values.size() == 1 ? 0 : static_cast<size_t>(c)];
}

// Code `i` of a uint8 or int8 tensor.
inline int32_t CodeAt(const Tensor& codes, int64_t i) {
  return codes.dtype() == DataType::kUint8 ? static_cast<const uint8_t*>(codes.raw())[i]
                                           : static_cast<const int8_t*>(codes.raw())[i];
}

// saturate(round_half_even(sum * multiplier) + zero_point) as a code of `type`, uint8 or int8, stored as a byte: the
// product in float32, as ONNX Runtime computes it.
uint8_t Requantize(int32_t sum, float multiplier, int32_t zero_point, DataType type);

// C[m, n] = sum over k of (a[m, k] - a_zero) * (b[k, n] - b_zero), wrapping around like 32-bit hardware does (only beyond
// k = 33025 can a sum leave 32 bits). Zero points of `a` are one or one a row, those of `b` one or one a column. Computed by float
// products of few enough terms to be exact, on any instruction set.
struct IntegerProduct {
  int64_t m = 0, n = 0, k = 0;
  std::vector<int32_t> a_zero, b_zero;

  absl::Status Run(const Tensor& a, int64_t a_offset, const Tensor& b, int64_t b_offset, int32_t* c) const;
};

}  // namespace quantd::cpu
