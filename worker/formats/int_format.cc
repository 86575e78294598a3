#include "worker/formats/int_format.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace quantd {
namespace {

// Below this a scale would make codes of ordinary numbers overflow.
constexpr double kScaleMin = 1e-12;

}  // namespace

QuantParams IntFormat::Params(double lower, double upper) const {
  QUANTD_CHECK(std::isfinite(lower) && std::isfinite(upper) && lower <= upper);
  lower = std::min(lower, 0.0);
  upper = std::max(upper, 0.0);
  if (minifloat != nullptr) {
    const double reach = std::max(-lower, upper);
    return {.scale = static_cast<float>(std::max(reach / minifloat->Largest(), kScaleMin)), .zero_point = 0};
  }
  if (symmetric) {
    const double reach = std::max(-lower, upper);
    return {.scale = static_cast<float>(std::max(reach / (highest - middle), kScaleMin)), .zero_point = middle};
  }
  const double scale = std::max((upper - lower) / static_cast<double>(highest - lowest), kScaleMin);
  const double zero = std::nearbyint(lowest - lower / scale);
  return {.scale = static_cast<float>(scale),
          .zero_point = static_cast<int32_t>(std::clamp<double>(zero, lowest, highest))};
}

int32_t IntFormat::Code(float x, const QuantParams& params) const {
  if (minifloat != nullptr) return ToMinifloat(*minifloat, x / params.scale, Overflow::kSaturate);
  const float rounded = std::nearbyintf(x / params.scale);
  const float lo = static_cast<float>(lowest - params.zero_point);
  const float hi = static_cast<float>(highest - params.zero_point);
  // NaN fails every comparison and ends at the lower limit.
  const float limited = rounded > lo ? (rounded < hi ? rounded : hi) : lo;
  return static_cast<int32_t>(limited) + params.zero_point;
}

float IntFormat::Value(int32_t code, const QuantParams& params) const {
  if (minifloat != nullptr) return FromMinifloat(*minifloat, static_cast<uint16_t>(code)) * params.scale;
  return static_cast<float>(code - params.zero_point) * params.scale;
}

double IntFormat::Lower(const QuantParams& params) const {
  if (minifloat != nullptr) return -Upper(params);
  return (static_cast<double>(lowest) - params.zero_point) * params.scale;
}

double IntFormat::Upper(const QuantParams& params) const {
  if (minifloat != nullptr) return double{minifloat->Largest()} * params.scale;
  return (static_cast<double>(highest) - params.zero_point) * params.scale;
}

IntFormat IntFormat::Reduced() const {
  IntFormat reduced = *this;
  const int32_t reach = (highest - lowest + 2) / 4;
  reduced.lowest = middle - reach;
  reduced.highest = middle + reach;
  return reduced;
}

absl::Span<const IntFormat> IntFormats() {
  static const auto* const kFormats = new std::vector<IntFormat>{
      {.id = "float8e4m3fn",
       .summary = "8-bit floating-point codes with 4 bits of exponent, up to 448 steps; no zero point",
       .storage = DataType::kFloat8E4M3FN, .minifloat = FindMinifloat(DataType::kFloat8E4M3FN)},
      {.id = "float8e5m2",
       .summary = "8-bit floating-point codes with 5 bits of exponent, up to 57344 steps; no zero point",
       .storage = DataType::kFloat8E5M2, .minifloat = FindMinifloat(DataType::kFloat8E5M2)},
      {.id = "int16_asym",
       .summary = "16-bit signed codes -32768..32767 with a zero point; for activations",
       .storage = DataType::kInt16, .lowest = -32768, .highest = 32767, .symmetric = false},
      {.id = "int16_sym",
       .summary = "16-bit signed codes -32767..32767, zero point 0",
       .storage = DataType::kInt16, .lowest = -32767, .highest = 32767, .symmetric = true},
      {.id = "int2_sym",
       .summary = "2-bit signed codes -2..1, zero point 0; for weights in blocks",
       .storage = DataType::kInt2, .lowest = -2, .highest = 1, .symmetric = true},
      {.id = "int4_sym",
       .summary = "4-bit signed codes -8..7, zero point 0; the range is symmetric to 7 steps, -8 is there for outliers",
       .storage = DataType::kInt4, .lowest = -8, .highest = 7, .symmetric = true},
      {.id = "int8_asym",
       .summary = "8-bit signed codes -128..127 with a zero point",
       .storage = DataType::kInt8, .lowest = -128, .highest = 127, .symmetric = false},
      {.id = "int8_sym",
       .summary = "8-bit signed codes -127..127, zero point 0; -128 is left out so that the range is symmetric",
       .storage = DataType::kInt8, .lowest = -127, .highest = 127, .symmetric = true},
      {.id = "uint16_asym",
       .summary = "16-bit unsigned codes 0..65535 with a zero point; for activations",
       .storage = DataType::kUint16, .lowest = 0, .highest = 65535, .symmetric = false},
      {.id = "uint2_asym",
       .summary = "2-bit unsigned codes 0..3 with a zero point; for weights in blocks",
       .storage = DataType::kUint2, .lowest = 0, .highest = 3, .symmetric = false},
      {.id = "uint4_asym",
       .summary = "4-bit unsigned codes 0..15 with a zero point",
       .storage = DataType::kUint4, .lowest = 0, .highest = 15, .symmetric = false},
      {.id = "uint8_asym",
       .summary = "8-bit unsigned codes 0..255 with a zero point",
       .storage = DataType::kUint8, .lowest = 0, .highest = 255, .symmetric = false},
      {.id = "uint8_sym",
       .summary = "8-bit unsigned codes 1..255 around the zero point 128: the values of int8_sym for kernels that add unsigned "
                  "products exactly",
       .storage = DataType::kUint8, .lowest = 1, .highest = 255, .symmetric = true, .middle = 128},
  };
  return *kFormats;
}

const IntFormat* FindIntFormat(absl::string_view id) {
  for (const IntFormat& format : IntFormats()) {
    if (format.id == id) return &format;
  }
  return nullptr;
}

}  // namespace quantd
