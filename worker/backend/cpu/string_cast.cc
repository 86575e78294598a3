#include "worker/backend/cpu/string_cast.h"

#include <charconv>
#include <cmath>
#include <string>
#include <type_traits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

template <typename T>
std::string Spelled(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_integral_v<T>) {
    return absl::StrCat(value);
  } else {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
    char text[64];  // The longest double, -2.2250738585072014e-308, has 24 characters.
    const std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
    return std::string(text, end.ptr);
  }
}

template <typename T>
Tensor SpellAll(const Tensor& x) {
  Tensor out(DataType::kString, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) out.mutable_data<std::string>()[i] = Spelled(x.data<T>()[i]);
  return out;
}

}  // namespace

absl::StatusOr<Tensor> NumbersToStrings(const Tensor& x) {
  switch (x.dtype()) {
    case DataType::kFloat: return SpellAll<float>(x);
    case DataType::kDouble: return SpellAll<double>(x);
    case DataType::kInt64: return SpellAll<int64_t>(x);
    case DataType::kInt32: return SpellAll<int32_t>(x);
    case DataType::kInt16: return SpellAll<int16_t>(x);
    case DataType::kInt8: return SpellAll<int8_t>(x);
    case DataType::kUint64: return SpellAll<uint64_t>(x);
    case DataType::kUint32: return SpellAll<uint32_t>(x);
    case DataType::kUint16: return SpellAll<uint16_t>(x);
    case DataType::kUint8: return SpellAll<uint8_t>(x);
    case DataType::kBool: return SpellAll<bool>(x);
    default: return BadType(x, "bool, an integer, float or double");
  }
}

absl::StatusOr<Tensor> StringsToNumbers(const Tensor& x) {
  const std::string* texts = x.data<std::string>();
  Tensor integers(DataType::kInt64, x.shape());
  bool all_integers = true;
  for (int64_t i = 0; all_integers && i < x.size(); ++i) {
    all_integers = absl::SimpleAtoi(texts[i], &integers.mutable_data<int64_t>()[i]);
  }
  if (all_integers) return integers;
  Tensor reals(DataType::kDouble, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    if (absl::SimpleAtod(texts[i], &reals.mutable_data<double>()[i])) continue;
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_VALUE",
                     absl::StrCat("element ", i, ", a string of ", texts[i].size(), " bytes, is no number"));
  }
  return reals;
}

}  // namespace quantd::cpu
