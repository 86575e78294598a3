// The two floating-point types of 16 bits, which no C++20 type has: IEEE 754 binary16 (float16) and the upper half of
// a binary32 (bfloat16). Pure functions of the bits; inline, because they are called in loops over whole tensors.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace quantd {

// Exact: every binary16 is a binary32.
inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fff) << 13;
  // Infinity and NaN keep the fraction under the widest exponent. Below, the bits are those of the number times
  // 2^-112, subnormal or not, because the exponents' biases differ by 112.
  const uint32_t special = magnitude | 0x7f800000;
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(sign | (magnitude >= 0x0f800000 ? special : finite));
}

// To the nearest, ties to even. What rounds to 65536 or more becomes infinite; a NaN stays one.
inline uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 65536.
  if (magnitude < 0x38800000) {  // 2^-14: a subnormal or zero.
    // One unit in the last place of 0.5 is the smallest subnormal, so that this addition rounds to it.
    const uint32_t shifted = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f);
    return static_cast<uint16_t>(sign | (shifted - 0x3f000000));
  }
  // Adding just below half of the last kept place, plus that place's own bit, rounds ties to even; a carry moves into
  // the exponent, which is what the number then needs.
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

// Exact.
inline float BfloatToFloat(uint16_t bfloat) {
  return std::bit_cast<float>(static_cast<uint32_t>(bfloat) << 16);
}

// To the nearest, ties to even; a NaN stays one.
inline uint16_t FloatToBfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(((bits >> 16) & 0x8000) | 0x7fc0);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// The float on the way from a double to one of the above. Rounding twice to the nearest can go wrong where the first
// rounding makes a tie; rounding to odd first (Boldo and Melquiond, 2008) cannot: an inexact result gets an odd last bit,
// so that the second rounding still sees on which side of a tie the number was.
inline float RoundedToOdd(double value) {
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value) || std::isinf(nearest)) return nearest;
  const uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if ((bits & 1) != 0) return nearest;
  // The other neighbour: one step towards zero when the rounding went away from it.
  const bool away = std::fabs(static_cast<double>(nearest)) > std::fabs(value);
  return std::bit_cast<float>(away ? bits - 1 : bits + 1);
}

}  // namespace quantd
