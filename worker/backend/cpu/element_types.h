// From the type number of a tensor to C++ types. Kernels that compute name the list of types that their operator has;
// kernels that only move elements ask for the width.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

template <typename T>
struct Type {
  using type = T;
};

template <typename... Ts>
struct TypeList {};

using UnsignedTypes = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;
using IntegerTypes =
    TypeList<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;
using FloatTypes = TypeList<float, double>;
using NumericTypes = TypeList<float, double, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t,
                              int32_t, int64_t>;
using AllTypes = TypeList<float, double, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t,
                          int32_t, int64_t, bool>;

// visit(Type<T>()) for the T of the list that `tensor` holds, or UNSUPPORTED_TYPE.
template <typename... Ts, typename Visit>
absl::Status ForType(const Tensor& tensor, TypeList<Ts...>, Visit visit) {
  absl::Status status;
  const bool known = ((DataTypeOf<Ts>::value == tensor.dtype() && ((status = visit(Type<Ts>())), true)) || ...);
  if (known) return status;
  std::string names;
  ((names += (names.empty() ? "" : ", ") + DataTypeName(DataTypeOf<Ts>::value)), ...);
  return BadType(tensor, absl::StrCat("one of ", names));
}

// visit(Type<T>()) for an unsigned T as wide as an element of `dtype`. UNSUPPORTED_TYPE for types without a width.
template <typename Visit>
absl::Status ForWidth(DataType dtype, Visit visit) {
  switch (SizeOf(dtype)) {
    case 1: return visit(Type<uint8_t>());
    case 2: return visit(Type<uint16_t>());
    case 4: return visit(Type<uint32_t>());
    case 8: return visit(Type<uint64_t>());
    default:
      return MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_TYPE",
                       absl::StrCat("elements of ", DataTypeName(dtype), " cannot be moved"));
  }
}

// The elements as whatever type is that wide. REQUIRES: sizeof(T) is the element's width.
template <typename T>
const T* ElementsOf(const Tensor& tensor) {
  return static_cast<const T*>(tensor.raw());
}
template <typename T>
T* MutableElementsOf(Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_raw());
}

// Both hold the same type, or UNSUPPORTED_TYPE.
inline absl::Status RequireSameType(const Tensor& first, const Tensor& other) {
  if (first.dtype() == other.dtype()) return absl::OkStatus();
  return BadType(other, DataTypeName(first.dtype()) + " like the first one");
}

}  // namespace quantd::cpu
