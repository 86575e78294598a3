// Integer formats: codes of 2 to 16 bits, signed or unsigned, and the affine map to real numbers
//   x ~ scale * (code - zero_point).
// Rounding is to nearest, ties to even, on x / scale in float32, as ONNX QuantizeLinear does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
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

  int64_t levels() const { return int64_t{highest} - lowest + 1; }

  // The parameters that cover [lower, upper], widened to contain 0 so that 0 is exact. An empty or tiny range
  // gives a scale of 1e-12 or more. REQUIRES: finite, lower <= upper.
  QuantParams Params(double lower, double upper) const;

  // The nearest code, saturated. NaN becomes `lowest`.
  int32_t Code(float x, const QuantParams& params) const;
  float Value(int32_t code, const QuantParams& params) const {
    return static_cast<float>(code - params.zero_point) * params.scale;
  }
  float RoundTrip(float x, const QuantParams& params) const { return Value(Code(x, params), params); }

  // The real numbers at both ends of the codes.
  double Lower(const QuantParams& params) const {
    return (static_cast<double>(lowest) - params.zero_point) * params.scale;
  }
  double Upper(const QuantParams& params) const {
    return (static_cast<double>(highest) - params.zero_point) * params.scale;
  }
};

// Every integer format, by id.
absl::Span<const IntFormat> IntFormats();

// Null when there is none of that id. Lives for ever.
const IntFormat* FindIntFormat(absl::string_view id);

}  // namespace quantd
