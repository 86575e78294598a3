// Formats of codes: integers of 2 to 16 bits, signed or unsigned, with the affine map to real numbers
//   x ~ scale * (code - zero_point),
// and floating-point numbers of 8 bits with x ~ scale * number(code).
// Rounding is to nearest, ties to even, on x / scale in float32, as ONNX QuantizeLinear does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/formats/minifloat.h"
#include "worker/graph/tensor.h"

namespace quantd {

struct QuantParams {
  float scale = 1;         // > 0, finite.
  int32_t zero_point = 0;  // Within the format's codes; `middle` for symmetric ones.

  friend bool operator==(const QuantParams&, const QuantParams&) = default;
};

struct IntFormat {
  std::string id;       // "int8_sym"
  std::string summary;
  DataType storage = DataType::kInt8;
  int32_t lowest = -127;  // Codes, inclusive.
  int32_t highest = 127;
  bool symmetric = true;  // The zero point is `middle` and the range is [-r, r].
  int32_t middle = 0;     // Of a symmetric format.
  // Codes are bits of this format; `lowest` and `highest` mean nothing. Null for integers.
  const MinifloatFormat* minifloat = nullptr;

  int64_t levels() const { return int64_t{highest} - lowest + 1; }

  // The parameters that cover [lower, upper], widened to contain 0 so that 0 is exact. An empty or tiny range
  // gives a scale of 1e-12 or more. REQUIRES: finite, lower <= upper.
  QuantParams Params(double lower, double upper) const;

  // The nearest code, saturated. NaN becomes `lowest`.
  int32_t Code(float x, const QuantParams& params) const;
  float Value(int32_t code, const QuantParams& params) const;
  float RoundTrip(float x, const QuantParams& params) const { return Value(Code(x, params), params); }

  // The real numbers at both ends of the codes.
  double Lower(const QuantParams& params) const;
  double Upper(const QuantParams& params) const;

  // Around the middle, with half the codes (int8: -64..64). Kernels that add products of unsigned and signed codes in
  // pairs of 16 bits (x86 without VNNI) then cannot overflow: 2 x 255 x 64 < 2^15. REQUIRES: a symmetric integer format.
  IntFormat Reduced() const;
};

// Every format, by id.
absl::Span<const IntFormat> IntFormats();

// Null when there is none of that id. Lives for ever.
const IntFormat* FindIntFormat(absl::string_view id);

}  // namespace quantd
