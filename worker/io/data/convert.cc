#include "worker/io/data/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "worker/formats/half_float.h"
#include "worker/io/data/data_errors.h"

namespace quantd {
namespace {

constexpr int64_t kChunk = 4096;
constexpr double kExactIntegerMax =
    9007199254740992.0;  // 2^53: every integer up to it is a double.

template <typename T>
void LoadAs(const char* source, int64_t count, double* values) {
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, source + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
}

void Load(const Tensor& source, int64_t begin, int64_t count, double* values) {
  const char* from = static_cast<const char*>(source.raw()) + begin * SizeOf(source.dtype());
  switch (source.dtype()) {
    case DataType::kFloat:
      return LoadAs<float>(from, count, values);
    case DataType::kDouble:
      return LoadAs<double>(from, count, values);
    case DataType::kBool:
    case DataType::kUint8:
      return LoadAs<uint8_t>(from, count, values);
    case DataType::kInt8:
      return LoadAs<int8_t>(from, count, values);
    case DataType::kUint16:
      return LoadAs<uint16_t>(from, count, values);
    case DataType::kInt16:
      return LoadAs<int16_t>(from, count, values);
    case DataType::kUint32:
      return LoadAs<uint32_t>(from, count, values);
    case DataType::kInt32:
      return LoadAs<int32_t>(from, count, values);
    case DataType::kUint64:
      return LoadAs<uint64_t>(from, count, values);
    case DataType::kInt64:
      return LoadAs<int64_t>(from, count, values);
    default:
      break;
  }
  QUANTD_CHECK(source.dtype() == DataType::kFloat16);
  for (int64_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, from + i * 2, 2);
    values[i] = HalfToFloat(half);
  }
}

template <typename T>
Conversion StoreIntegers(const double* values, int64_t count, double lowest, double highest,
                         char* out) {
  for (int64_t i = 0; i < count; ++i) {
    const double value = values[i];
    if (!std::isfinite(value)) return Conversion::kNotFinite;
    if (value < lowest || value > highest || std::nearbyint(value) != value) {
      return Conversion::kNotExact;
    }
    const T stored = static_cast<T>(value);
    std::memcpy(out + i * sizeof(T), &stored, sizeof(T));
  }
  return Conversion::kOk;
}

template <typename T>
Conversion StoreIntegers(const double* values, int64_t count, char* out) {
  using Limits = std::numeric_limits<T>;
  return StoreIntegers<T>(values, count,
                          std::max(static_cast<double>(Limits::min()), -kExactIntegerMax),
                          std::min(static_cast<double>(Limits::max()), kExactIntegerMax), out);
}

Conversion StoreHalves(const double* values, int64_t count, char* out) {
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t half = FloatToHalf(static_cast<float>(values[i]));
    if ((half & 0x7c00) == 0x7c00) return Conversion::kNotFinite;
    std::memcpy(out + i * 2, &half, 2);
  }
  return Conversion::kOk;
}

Conversion StoreFloats(const double* values, int64_t count, char* out) {
  for (int64_t i = 0; i < count; ++i) {
    // Rounds up to 2^128 overflow; the cast itself is undefined beyond the range.
    if (!(std::abs(values[i]) <= std::numeric_limits<float>::max())) return Conversion::kNotFinite;
    const float stored = static_cast<float>(values[i]);
    std::memcpy(out + i * 4, &stored, 4);
  }
  return Conversion::kOk;
}

Conversion StoreDoubles(const double* values, int64_t count, char* out) {
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return Conversion::kNotFinite;
  }
  if (count > 0) std::memcpy(out, values, count * sizeof(double));
  return Conversion::kOk;
}

absl::Status CheckLength(absl::string_view field, size_t length, int64_t channels) {
  if (length <= 1 || static_cast<int64_t>(length) == channels) return absl::OkStatus();
  return BadPreprocessing(field, absl::StrCat("holds ", length, " numbers for ", channels,
                                              " channels; give one, or one a channel"));
}

}  // namespace

bool Normalization::identity() const {
  const auto is = [](double number) { return [number](double x) { return x == number; }; };
  return scale == 1 && std::all_of(mean.begin(), mean.end(), is(0)) &&
         std::all_of(std.begin(), std.end(), is(1));
}

void Normalization::Apply(double* values, int64_t count, int64_t begin) const {
  for (int64_t i = 0; i < count; ++i) {
    const size_t channel = static_cast<size_t>((begin + i) / inner % channels);
    const double m = mean[mean.size() == 1 ? 0 : channel];
    const double s = std[std.size() == 1 ? 0 : channel];
    values[i] = (values[i] * scale - m) / s;
  }
}

absl::StatusOr<Normalization> MakeNormalization(const Preprocessing& preprocessing,
                                                int64_t channels, int64_t inner) {
  if (absl::Status s = CheckLength("mean", preprocessing.mean.size(), channels); !s.ok()) return s;
  if (absl::Status s = CheckLength("std", preprocessing.std.size(), channels); !s.ok()) return s;
  Normalization normalization{.scale = preprocessing.scale, .channels = channels, .inner = inner};
  if (!preprocessing.mean.empty()) normalization.mean = preprocessing.mean;
  if (!preprocessing.std.empty()) normalization.std = preprocessing.std;
  return normalization;
}

bool IsFeedable(DataType dtype) {
  // The standard types up to uint64; bfloat16 and what came later is nothing that data files hold.
  return SizeOf(dtype) > 0 && dtype < DataType::kBfloat16;
}

Conversion StoreAs(const double* values, int64_t count, DataType target, void* out) {
  char* to = static_cast<char*>(out);
  switch (target) {
    case DataType::kFloat:
      return StoreFloats(values, count, to);
    case DataType::kDouble:
      return StoreDoubles(values, count, to);
    case DataType::kFloat16:
      return StoreHalves(values, count, to);
    case DataType::kBool:
      return StoreIntegers<uint8_t>(values, count, 0, 1, to);
    case DataType::kUint8:
      return StoreIntegers<uint8_t>(values, count, to);
    case DataType::kInt8:
      return StoreIntegers<int8_t>(values, count, to);
    case DataType::kUint16:
      return StoreIntegers<uint16_t>(values, count, to);
    case DataType::kInt16:
      return StoreIntegers<int16_t>(values, count, to);
    case DataType::kUint32:
      return StoreIntegers<uint32_t>(values, count, to);
    case DataType::kInt32:
      return StoreIntegers<int32_t>(values, count, to);
    case DataType::kUint64:
      return StoreIntegers<uint64_t>(values, count, to);
    case DataType::kInt64:
      return StoreIntegers<int64_t>(values, count, to);
    default:
      break;
  }
  QUANTD_CHECK(false);
  return Conversion::kNotExact;
}

Conversion Convert(const Tensor& source, int64_t begin, int64_t count,
                   const Normalization& normalization, DataType target, void* out) {
  const bool same = source.dtype() == target && normalization.identity();
  const bool floating =
      target == DataType::kFloat || target == DataType::kDouble || target == DataType::kFloat16;
  char* to = static_cast<char*>(out);
  if (same && !floating) {
    const size_t width = SizeOf(target);
    const char* from = static_cast<const char*>(source.raw()) + begin * width;
    if (count > 0) std::memcpy(to, from, count * width);
    return Conversion::kOk;
  }
  double values[kChunk];
  for (int64_t done = 0; done < count;) {
    const int64_t n = std::min(kChunk, count - done);
    Load(source, begin + done, n, values);
    if (!normalization.identity()) normalization.Apply(values, n, done);
    const Conversion result = StoreAs(values, n, target, to + done * SizeOf(target));
    if (result != Conversion::kOk) return result;
    done += n;
  }
  return Conversion::kOk;
}

}  // namespace quantd
