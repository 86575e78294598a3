#include "worker/formats/convert_tensor.h"

#include <array>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "worker/formats/half_float.h"
#include "worker/formats/packed_codes.h"

namespace quantd {
namespace {

absl::Status Unsupported(DataType from, DataType to) {
  return MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_TYPE",
                   absl::StrCat(DataTypeName(from), " cannot be converted to ", DataTypeName(to)));
}

template <typename From>
void Widen(const Tensor& x, float* out) {
  const From* from = x.data<From>();
  for (int64_t i = 0; i < x.size(); ++i) out[i] = static_cast<float>(from[i]);
}

// All values of a format of at most 8 bits: looking them up is several times faster than computing them.
std::array<float, 256> ValueTable(const MinifloatFormat& format) {
  std::array<float, 256> table;
  for (size_t code = 0; code < table.size(); ++code) {
    table[code] = FromMinifloat(format, static_cast<uint16_t>(code));
  }
  return table;
}

void WidenMinifloat(const MinifloatFormat& format, const Tensor& x, float* out) {
  if (format.bits() == 16) {
    const auto* codes = static_cast<const uint16_t*>(x.raw());
    const bool half = format.type == DataType::kFloat16;
    for (int64_t i = 0; half && i < x.size(); ++i) out[i] = HalfToFloat(codes[i]);
    for (int64_t i = 0; !half && i < x.size(); ++i) out[i] = BfloatToFloat(codes[i]);
    return;
  }
  const std::array<float, 256> table = ValueTable(format);
  const auto* codes = static_cast<const uint8_t*>(x.raw());
  if (format.bits() == 8) {
    for (int64_t i = 0; i < x.size(); ++i) out[i] = table[codes[i]];
    return;
  }
  for (int64_t i = 0; i < x.size(); ++i) out[i] = table[codes[i / 2] >> (i % 2 * 4) & 15];
}

bool IsPackedInteger(DataType type) { return IsPacked(type) && type != DataType::kFloat4E2M1; }

DataType ByteTypeOf(DataType packed) {
  return packed == DataType::kInt4 || packed == DataType::kInt2 ? DataType::kInt8 : DataType::kUint8;
}

}  // namespace

absl::StatusOr<Tensor> ToFloat32(const Tensor& x) {
  if (x.dtype() == DataType::kFloat) return x;
  if (IsPackedInteger(x.dtype())) return ToFloat32(UnpackIntegers(x));
  const MinifloatFormat* format = FindMinifloat(x.dtype());
  if (format == nullptr && SizeOf(x.dtype()) == 0) return Unsupported(x.dtype(), DataType::kFloat);
  Tensor result(DataType::kFloat, x.shape());
  float* out = result.mutable_data<float>();
  if (format != nullptr) {
    WidenMinifloat(*format, x, out);
    return result;
  }
  switch (x.dtype()) {
    case DataType::kDouble: Widen<double>(x, out); return result;
    case DataType::kUint8: Widen<uint8_t>(x, out); return result;
    case DataType::kInt8: Widen<int8_t>(x, out); return result;
    case DataType::kUint16: Widen<uint16_t>(x, out); return result;
    case DataType::kInt16: Widen<int16_t>(x, out); return result;
    case DataType::kUint32: Widen<uint32_t>(x, out); return result;
    case DataType::kInt32: Widen<int32_t>(x, out); return result;
    case DataType::kUint64: Widen<uint64_t>(x, out); return result;
    case DataType::kInt64: Widen<int64_t>(x, out); return result;
    case DataType::kBool: Widen<bool>(x, out); return result;
    default: return Unsupported(x.dtype(), DataType::kFloat);
  }
}

absl::StatusOr<Tensor> FromFloat32(const Tensor& x, DataType to, Overflow overflow) {
  const MinifloatFormat* format = FindMinifloat(to);
  if (x.dtype() != DataType::kFloat || format == nullptr) return Unsupported(x.dtype(), to);
  Tensor result(to, x.shape());
  const float* from = x.data<float>();
  if (format->bits() == 16) {
    auto* out = static_cast<uint16_t*>(result.mutable_raw());
    // With infinities the rounding needs no cases, and becomes vector code.
    const bool half = to == DataType::kFloat16;
    if (overflow == Overflow::kSaturate) {
      for (int64_t i = 0; i < x.size(); ++i) out[i] = ToMinifloat(*format, from[i], overflow);
    } else if (half) {
      for (int64_t i = 0; i < x.size(); ++i) out[i] = FloatToHalf(from[i]);
    } else {
      for (int64_t i = 0; i < x.size(); ++i) out[i] = FloatToBfloat(from[i]);
    }
    return result;
  }
  auto* out = static_cast<uint8_t*>(result.mutable_raw());
  for (int64_t i = 0; i < x.size(); ++i) {
    const auto code = static_cast<uint8_t>(ToMinifloat(*format, from[i], overflow));
    if (format->bits() == 8) {
      out[i] = code;
    } else {
      out[i / 2] = static_cast<uint8_t>(out[i / 2] | code << (i % 2 * 4));
    }
  }
  return result;
}

Tensor UnpackIntegers(const Tensor& x) {
  QUANTD_CHECK(IsPackedInteger(x.dtype()));
  Tensor result(ByteTypeOf(x.dtype()), x.shape());
  UnpackCodes(x.dtype(), x.raw(), 0, x.size(), static_cast<int8_t*>(result.mutable_raw()));
  return result;
}

Tensor PackIntegers(const Tensor& x, DataType to) {
  QUANTD_CHECK(IsPackedInteger(to) && x.dtype() == ByteTypeOf(to));
  Tensor result(to, x.shape());
  PackCodes(to, static_cast<const int8_t*>(x.raw()), x.size(), result.mutable_raw());
  return result;
}

}  // namespace quantd
