// The vector kernels of one instruction set, as plain functions over raw pointers.
//
// Every table computes in sixteen lanes with the same operations in the same order (one AVX-512 register, two
// AVX registers, or a loop), fused multiply-adds included: all tables give the same bits, so the instruction set
// of a machine is not visible in results. Pointers may be unaligned; outputs may be an input itself but not
// overlap it otherwise. All functions are thread-safe and allocate nothing.
//
// Accuracy against the exact value: exp 1 ulp of the result, subnormal ones included; erf 5 ulp; tanh and (for x >= -87,
// below which it may be 0) sigmoid 3 ulp; GELU and SiLU 2e-7 max(1, |x|) absolute. NaN gives NaN.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quantd {

// What follows a matrix product or stands alone. The values are part of no file.
enum class Activation : int32_t { kNone, kRelu, kGeluErf, kGeluTanh, kSilu, kSigmoid, kTanh, kHardSwish };

// What a row of a matrix product becomes: activation(y + bias) + residual.
struct RowEpilogue {
  Activation activation = Activation::kNone;
  const float* bias = nullptr;      // One a column; null for none.
  const float* residual = nullptr;  // One a column; null for none.
};

struct LayerNormRow {
  const float* x;
  const float* residual = nullptr;  // Added to x first; null for none.
  const float* gamma = nullptr;     // Null for ones.
  const float* beta = nullptr;      // Null for zeros.
  size_t n;                         // > 0
  float epsilon;                    // Added to the variance.
  float* sum = nullptr;             // x + residual; null when nobody wants it.
  float* y;
};

// Finite values only; lower > upper (infinities) when there is none.
struct ValueRange {
  float lower;
  float upper;
  bool finite = true;  // Whether there were no others.
};

// Counters behind the bins of a histogram. Zeros are frequent: sixteen counters spare waiting for one.
inline constexpr int32_t kZeroCounters = 16;
inline constexpr int32_t kOddCounters = kZeroCounters + 2;

struct KernelTable {
  const char* isa;  // "reference", "avx2", "avx512"

  // y[i] = f(x[i])
  using Map = void (*)(const float* x, size_t n, float* y);
  Map exp, erf, tanh, sigmoid, relu, gelu_erf, gelu_tanh, silu, hard_swish;

  // y[i] = a[i] op b[i]; the scalar forms take one b for all.
  using Zip = void (*)(const float* a, const float* b, size_t n, float* y);
  using ZipScalar = void (*)(const float* a, float b, size_t n, float* y);
  Zip add, sub, mul, div;
  Zip max, min;  // A NaN wins.
  ZipScalar add_scalar, mul_scalar, div_scalar;

  // y = softmax(scale * x + mask) of a row; mask null for none. The highest value is subtracted first. A row
  // whose highest value is -infinity gives NaN, as the formula does.
  void (*softmax_row)(const float* x, size_t n, float scale, const float* mask, float* y);

  // y = (s - mean(s)) / sqrt(variance(s) + epsilon) * gamma + beta with s = x + residual. Sums run in float over
  // at most 64 values a lane, those in double.
  void (*layer_norm_row)(const LayerNormRow& row);

  // y = activation(y + bias) + residual, in place, over n columns.
  void (*epilogue_row)(float* y, size_t n, const RowEpilogue& epilogue);

  ValueRange (*range)(const float* x, size_t n);

  // The bin of each value in a histogram of `bins` bins over [-bins/2, bins/2) / scale: floor(x * scale) + bins/2.
  // Zeros get bins + i % kZeroCounters, NaN bins + kZeroCounters, infinities one more. REQUIRES: scale is a power of two, every finite
  // |x| * scale <= bins/2, and the upper end is not hit.
  void (*histogram_bins)(const float* x, size_t n, float scale, int32_t bins, int32_t* bin);

  // clamp(round_half_even(x / scale), lowest, highest) * scale: what QuantizeLinear and DequantizeLinear give
  // one after the other, bit for bit. `lowest` and `highest` are code limits less the zero point. NaN becomes
  // lowest * scale.
  void (*fake_quantize)(const float* x, size_t n, float scale, float lowest, float highest, float* y);
  // The codes themselves: the same number as an integer, plus the zero point, which makes it fit.
  void (*quantize_u8)(const float* x, size_t n, float scale, int32_t zero_point, uint8_t* codes);
  void (*quantize_s8)(const float* x, size_t n, float scale, int32_t zero_point, int8_t* codes);
  // (code - zero_point) * scale
  void (*dequantize_u8)(const uint8_t* codes, size_t n, float scale, int32_t zero_point, float* y);
  void (*dequantize_s8)(const int8_t* codes, size_t n, float scale, int32_t zero_point, float* y);
};

// Null where the build has no such instruction set.
const KernelTable* ReferenceKernels();
const KernelTable* Avx2Kernels();
const KernelTable* Avx512Kernels();

}  // namespace quantd
