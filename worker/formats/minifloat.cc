#include "worker/formats/minifloat.h"

#include <algorithm>
#include <bit>

namespace quantd {
namespace {

constexpr int kFloatMantissaBits = 23;
constexpr int kFloatBias = 127;
constexpr uint32_t kFloatInfinity = 0x7f800000;

constexpr MinifloatFormat kFormats[] = {
    {.type = DataType::kFloat16, .exponent_bits = 5, .mantissa_bits = 10, .bias = 15,
     .largest = 0x7bff, .infinity = 0x7c00, .nan = 0x7e00},
    {.type = DataType::kBfloat16, .exponent_bits = 8, .mantissa_bits = 7, .bias = 127,
     .largest = 0x7f7f, .infinity = 0x7f80, .nan = 0x7fc0},
    {.type = DataType::kFloat8E4M3FN, .exponent_bits = 4, .mantissa_bits = 3, .bias = 7,
     .largest = 0x7e, .nan = 0x7f},
    {.type = DataType::kFloat8E4M3FNUZ, .exponent_bits = 4, .mantissa_bits = 3, .bias = 8,
     .largest = 0x7f, .nan = 0x80, .signed_zero = false},
    {.type = DataType::kFloat8E5M2, .exponent_bits = 5, .mantissa_bits = 2, .bias = 15,
     .largest = 0x7b, .infinity = 0x7c, .nan = 0x7f},
    {.type = DataType::kFloat8E5M2FNUZ, .exponent_bits = 5, .mantissa_bits = 2, .bias = 16,
     .largest = 0x7f, .nan = 0x80, .signed_zero = false},
    {.type = DataType::kFloat4E2M1, .exponent_bits = 2, .mantissa_bits = 1, .bias = 1, .largest = 0x7},
};

// The code of a positive finite float32 as if exponents had no end. A mantissa that rounds up to the next power of two
// carries into the exponent, as the codes are numbered through.
uint32_t RoundMagnitude(const MinifloatFormat& format, uint32_t bits) {
  const int field = static_cast<int>(bits >> kFloatMantissaBits);
  const uint32_t hidden = field == 0 ? 0 : uint32_t{1} << kFloatMantissaBits;
  const uint32_t mantissa = (bits & ((uint32_t{1} << kFloatMantissaBits) - 1)) | hidden;
  const int exponent = std::max(field, 1) - kFloatBias;
  const int lowest = 1 - format.bias;
  const int shift = kFloatMantissaBits - format.mantissa_bits + std::max(lowest - exponent, 0);
  // Below half of the smallest subnormal even the hidden bit is shifted out of the rounding position.
  if (shift > kFloatMantissaBits + 1) return 0;
  const uint32_t kept = mantissa >> shift;
  const uint32_t rest = mantissa & ((uint32_t{1} << shift) - 1);
  const uint32_t half = uint32_t{1} << (shift - 1);
  const uint32_t rounded = kept + (rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0);
  const auto above_lowest = static_cast<uint32_t>(std::max(exponent - lowest, 0));
  return (above_lowest << format.mantissa_bits) + rounded;
}

}  // namespace

const MinifloatFormat* FindMinifloat(DataType type) {
  for (const MinifloatFormat& format : kFormats) {
    if (format.type == type) return &format;
  }
  return nullptr;
}

float MinifloatFormat::Largest() const { return FromMinifloat(*this, largest); }

uint16_t ToMinifloat(const MinifloatFormat& format, float x, Overflow overflow) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint16_t sign = (bits >> 31) != 0 ? format.sign_bit() : uint16_t{0};
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > kFloatInfinity) {
    if (format.nan == 0) return format.largest;
    return format.signed_zero ? static_cast<uint16_t>(sign | format.nan) : format.nan;
  }
  const uint32_t code = magnitude == kFloatInfinity ? uint32_t{format.largest} + 1
                                                    : RoundMagnitude(format, magnitude);
  if (code == 0) return format.signed_zero ? sign : uint16_t{0};
  if (code <= format.largest) return static_cast<uint16_t>(sign | code);
  if (overflow == Overflow::kSpecial && format.infinity != 0) {
    return static_cast<uint16_t>(sign | format.infinity);
  }
  if (overflow == Overflow::kSpecial && format.nan != 0) {
    return format.signed_zero ? static_cast<uint16_t>(sign | format.nan) : format.nan;
  }
  return static_cast<uint16_t>(sign | format.largest);
}

float FromMinifloat(const MinifloatFormat& format, uint16_t code) {
  // bfloat16 is the upper half of float32.
  if (format.type == DataType::kBfloat16) return std::bit_cast<float>(uint32_t{code} << 16);
  const uint32_t sign = (code & format.sign_bit()) != 0 ? 0x80000000u : 0;
  const uint32_t magnitude = code & (format.sign_bit() - 1u);
  if (!format.signed_zero && magnitude == 0 && sign != 0) {
    return std::bit_cast<float>(kFloatInfinity | 0x400000);
  }
  if (magnitude > format.largest) {
    const bool infinite = format.infinity != 0 && magnitude == format.infinity;
    return std::bit_cast<float>(sign | kFloatInfinity | (infinite ? 0 : 0x400000));
  }
  const uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1);
  const uint32_t field = magnitude >> format.mantissa_bits;
  if (field == 0) {
    // Every step of the narrow formats is a normal float32 number, so the product is exact.
    const auto step = static_cast<uint32_t>(1 - format.bias - format.mantissa_bits + kFloatBias);
    const float value = static_cast<float>(mantissa) * std::bit_cast<float>(step << kFloatMantissaBits);
    return sign != 0 ? -value : value;
  }
  const auto widened = static_cast<uint32_t>(static_cast<int>(field) - format.bias + kFloatBias);
  return std::bit_cast<float>(sign | (widened << kFloatMantissaBits) |
                              (mantissa << (kFloatMantissaBits - format.mantissa_bits)));
}

}  // namespace quantd
