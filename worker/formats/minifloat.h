// Floating-point formats of 4 to 16 bits, and their conversion from and to float32.
//
// A code is sign | exponent | mantissa, the sign in the highest bit. With exponent field e > 0 it means
//   (-1)^s * 2^(e - bias) * (1 + m / 2^mantissa_bits),
// with e = 0 it is subnormal: (-1)^s * 2^(1 - bias) * m / 2^mantissa_bits. What the formats differ in is which codes
// are infinities or no number:
//
//   float16, float8e5m2   as IEEE 754: the highest exponent holds infinity (m = 0) and NaN
//   bfloat16              the same with the exponent of float32
//   float8e4m3fn          no infinity; NaN is the one magnitude of all ones; largest 448
//   ...fnuz               no infinity, no negative zero: its code is the only NaN; the bias is one higher
//   float4e2m1            neither infinity nor NaN; largest 6
//
// Sources: ONNX, "Float stored in 8 bits" and "in 4 bits"; Micikevicius et al. 2022, arXiv:2209.05433; Noune et al. 2022,
// arXiv:2206.02915 (fnuz); OCP Microscaling Formats 1.0 (e2m1).
#pragma once

#include <cstdint>

#include "worker/graph/tensor.h"

namespace quantd {

struct MinifloatFormat {
  DataType type = DataType::kUndefined;
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int bias = 0;
  uint16_t largest = 0;   // The code of the largest finite number; smaller numbers have smaller codes.
  uint16_t infinity = 0;  // 0: there is none.
  uint16_t nan = 0;       // The code that conversion makes; 0: there is none.
  bool signed_zero = true;

  int bits() const { return 1 + exponent_bits + mantissa_bits; }
  uint16_t sign_bit() const { return static_cast<uint16_t>(1 << (bits() - 1)); }
  // The largest finite number.
  float Largest() const;
};

// What becomes of numbers that round beyond the largest finite one, infinities included.
enum class Overflow {
  kSaturate,  // The largest finite number of that sign.
  kSpecial,   // Infinity, or NaN where there is none, or the largest number where there is neither.
};

// The format of a tensor type from float16 down; null for other types. Lives for ever.
const MinifloatFormat* FindMinifloat(DataType type);

// The nearest number, ties to the even mantissa; NaN keeps its sign where the format has signed NaNs, and is the largest
// number where it has none.
uint16_t ToMinifloat(const MinifloatFormat& format, float x, Overflow overflow);

// Exact. Bits above the format's are ignored.
float FromMinifloat(const MinifloatFormat& format, uint16_t code);

}  // namespace quantd
