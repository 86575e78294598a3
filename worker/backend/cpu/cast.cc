// Cast and CastLike between all types of numbers, and from and to strings (string_cast.h).
//
// Real to integer is cut towards zero; what does not fit saturates and a NaN becomes 0 (ONNX leaves both undefined).
// Integer to integer keeps the low bits. Real to real rounds to the nearest, ties to even, once; float8 and float4
// saturate unless the node says otherwise. Anything but a zero is true.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/string_cast.h"
#include "worker/formats/convert_tensor.h"
#include "worker/formats/half_float.h"
#include "worker/formats/minifloat.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

struct Half {
  uint16_t bits;
};
struct Bfloat {
  uint16_t bits;
};

template <typename T>
inline constexpr bool kSixteenBitFloat = std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>;

template <typename To, typename From>
To Cast(From x) {
  if constexpr (std::is_same_v<From, Half>) {
    return Cast<To>(HalfToFloat(x.bits));
  } else if constexpr (std::is_same_v<From, Bfloat>) {
    return Cast<To>(BfloatToFloat(x.bits));
  } else if constexpr (kSixteenBitFloat<To>) {
    float real;
    if constexpr (std::is_same_v<From, float>) {
      real = x;
    } else {
      real = RoundedToOdd(static_cast<double>(x));
    }
    return To{std::is_same_v<To, Half> ? FloatToHalf(real) : FloatToBfloat(real)};
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if constexpr (sizeof(To) <= 2) {
      // A float holds both bounds, so this needs no branch, and becomes vector code.
      constexpr From kLow = std::numeric_limits<To>::min(), kHigh = std::numeric_limits<To>::max();
      const From raised = x > kLow ? x : x <= kLow ? kLow : From(0);
      return static_cast<To>(static_cast<int32_t>(raised < kHigh ? raised : kHigh));
    } else {
      return Saturated<To>(static_cast<double>(x));
    }
  } else {
    return static_cast<To>(x);
  }
}

template <typename From, typename To>
void CastAll(const Tensor& x, Tensor& out) {
  const From* from = ElementsOf<From>(x);
  To* to = MutableElementsOf<To>(out);
  const int64_t n = x.size();
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] = Cast<To>(from[i]);
}

// ForType, with the two types of 16 bits.
template <typename Visit>
absl::Status ForCastableType(const Tensor& tensor, Visit visit) {
  if (tensor.dtype() == DataType::kFloat16) return visit(Type<Half>());
  if (tensor.dtype() == DataType::kBfloat16) return visit(Type<Bfloat>());
  return ForType(tensor, AllTypes(), visit);
}

bool IsSixteenBitFloat(DataType type) { return type == DataType::kFloat16 || type == DataType::kBfloat16; }
bool IsPackedInteger(DataType type) { return IsPacked(type) && FindMinifloat(type) == nullptr; }
bool IsSigned(DataType packed) { return packed == DataType::kInt4 || packed == DataType::kInt2; }

absl::StatusOr<Tensor> CastElements(const Tensor& x, DataType to, Outputs& outputs) {
  if (x.dtype() == to) return x;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(to, x.shape()));
  RETURN_IF_ERROR(ForCastableType(x, [&]<typename From>(Type<From>) {
    return ForCastableType(out, [&]<typename To>(Type<To>) {
      CastAll<From, To>(x, out);
      return absl::OkStatus();
    });
  }));
  return out;
}

// Reals saturate to the few values of a packed type; of integers it keeps the low bits.
absl::StatusOr<Tensor> CastToPacked(const Tensor& x, DataType to, Outputs& outputs) {
  const DataType bytes = IsSigned(to) ? DataType::kInt8 : DataType::kUint8;
  ASSIGN_OR_RETURN(const Tensor cast, CastElements(x, bytes, outputs));
  const bool real = x.dtype() == DataType::kFloat || x.dtype() == DataType::kDouble || IsSixteenBitFloat(x.dtype());
  if (!real) return PackIntegers(cast, to);
  ASSIGN_OR_RETURN(Tensor limited, outputs.Make(bytes, x.shape()));
  const int high = (1 << (BitsOf(to) - (IsSigned(to) ? 1 : 0))) - 1;
  for (int64_t i = 0; i < cast.size(); ++i) {
    if (IsSigned(to)) {
      limited.mutable_data<int8_t>()[i] = static_cast<int8_t>(std::clamp<int>(cast.data<int8_t>()[i], -high - 1, high));
    } else {
      limited.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(std::min<int>(cast.data<uint8_t>()[i], high));
    }
  }
  return PackIntegers(limited, to);
}

// As float, on the way to a narrower type.
absl::StatusOr<Tensor> AsFloat(const Tensor& x, Outputs& outputs) {
  if (x.dtype() != DataType::kDouble) return CastElements(x, DataType::kFloat, outputs);
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
  for (int64_t i = 0; i < x.size(); ++i) out.mutable_data<float>()[i] = RoundedToOdd(x.data<double>()[i]);
  return out;
}

absl::Status CastTo(const Tensor& input, DataType to, bool saturate, Outputs& outputs) {
  if (input.dtype() == to) {
    outputs[0] = input;
    return absl::OkStatus();
  }
  Tensor x = input;
  if (x.dtype() == DataType::kString) {
    ASSIGN_OR_RETURN(x, StringsToNumbers(x));
    if (x.dtype() == to) {
      outputs[0] = x;
      return absl::OkStatus();
    }
  }
  if (IsPackedInteger(x.dtype())) {
    x = UnpackIntegers(x);
  } else if (FindMinifloat(x.dtype()) != nullptr && !IsSixteenBitFloat(x.dtype())) {
    ASSIGN_OR_RETURN(x, ToFloat32(x));
  }
  if (to == DataType::kString) {
    if (IsSixteenBitFloat(x.dtype())) {
      ASSIGN_OR_RETURN(x, ToFloat32(x));
    }
    ASSIGN_OR_RETURN(outputs[0], NumbersToStrings(x));
    return absl::OkStatus();
  }
  if (IsPackedInteger(to)) {
    ASSIGN_OR_RETURN(outputs[0], CastToPacked(x, to, outputs));
  } else if (FindMinifloat(to) != nullptr && !IsSixteenBitFloat(to)) {
    ASSIGN_OR_RETURN(const Tensor real, AsFloat(x, outputs));
    ASSIGN_OR_RETURN(outputs[0], FromFloat32(real, to, saturate ? Overflow::kSaturate : Overflow::kSpecial));
  } else {
    ASSIGN_OR_RETURN(outputs[0], CastElements(x, to, outputs));
  }
  return absl::OkStatus();
}

bool IsTarget(DataType to) { return BitsOf(to) > 0 || to == DataType::kString; }

Maker MakeCast(const KernelContext& context) {
  const DataType to = static_cast<DataType>(context.node.Int("to", 0));
  const bool saturate = context.node.Int("saturate", 1) != 0;
  if (!IsTarget(to)) return BadAttribute(absl::StrCat("Cast to ", DataTypeName(to), " is not supported"));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return CastTo(*inputs[0], to, saturate, outputs);
  });
}

Maker MakeCastLike(const KernelContext& context) {
  const bool saturate = context.node.Int("saturate", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    if (!IsTarget(inputs[1]->dtype())) return BadType(*inputs[1], "a type of numbers or string");
    return CastTo(*inputs[0], inputs[1]->dtype(), saturate, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"Cast", 6, &MakeCast, "", Takes::kStrings},
    {"CastLike", 15, &MakeCastLike, "", Takes::kStrings},
};

}  // namespace

std::span<const KernelEntry> CastKernels() { return kEntries; }

}  // namespace quantd::cpu
