// Pow, whose exponent may be of another type than its base, and Mod.
#include <cmath>
#include <type_traits>

#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/zip.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// By squaring; wraps as the product of that many factors would.
template <typename T>
T IntegerPower(T base, uint64_t exponent) {
  T result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = MulOp::Of(result, base);
    base = MulOp::Of(base, base);
  }
  return result;
}

struct PowOp {
  template <typename A, typename B>
  static A Of(A a, B b) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
      if constexpr (std::is_signed_v<B>) {
        // 1/a^n, cut towards zero: only 1 and -1 have an integer reciprocal.
        if (b < 0 && a == A(1)) return A(1);
        if constexpr (std::is_signed_v<A>) {
          if (b < 0 && a == A(-1)) return b % 2 == 0 ? A(1) : A(-1);
        }
        if (b < 0) return A(0);
      }
      return IntegerPower(a, static_cast<uint64_t>(b));
    } else if constexpr (std::is_integral_v<A>) {
      return Saturated<A>(std::pow(static_cast<double>(a), static_cast<double>(b)));
    } else if constexpr (std::is_same_v<A, float> && std::is_same_v<B, float>) {
      return std::pow(a, b);
    } else {
      return static_cast<A>(std::pow(static_cast<double>(a), static_cast<double>(b)));
    }
  }
};

struct SquareOp {
  template <typename T>
  static T Of(T a, T) {
    return a * a;
  }
};

absl::Status RunPow(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  const Tensor& a = *inputs[0];
  const Tensor& b = *inputs[1];
  // The square of a variance: worth a loop of its own, since a call of pow() is a hundred times dearer.
  const bool square = a.dtype() == DataType::kFloat && b.dtype() == DataType::kFloat &&
                      b.size() == 1 && *b.data<float>() == 2.0f;
  if (square) return Broadcast<SquareOp, float, float, float>(a, b, outputs);
  return ForType(a, NumericTypes(), [&]<typename A>(Type<A>) {
    return ForType(b, NumericTypes(), [&]<typename B>(Type<B>) {
      return Broadcast<PowOp, A, B, A>(a, b, outputs);
    });
  });
}

Maker MakePow(const KernelContext&) { return MakeKernelFrom(&RunPow); }
Maker MakeLegacyPow(const KernelContext& context) { return MakeLegacyBroadcast(context, &MakePow); }

// The remainder with the divisor's sign, as in Python. By zero it is 0, and NaN for floats.
struct ModOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == T(-1)) return 0;  // The hardware traps on the least integer.
        const T rest = static_cast<T>(a % b);
        return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
      } else {
        return static_cast<T>(a % b);
      }
    } else {
      const T rest = std::fmod(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
  }
};

// The remainder with the dividend's sign, as in C.
struct FmodOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == T(-1)) return 0;
      }
      return static_cast<T>(a % b);
    } else {
      return std::fmod(a, b);
    }
  }
};

Maker MakeMod(const KernelContext& context) {
  const int64_t fmod = context.node.Int("fmod", 0);
  if (fmod != 0 && fmod != 1) return BadAttribute("fmod of Mod must be 0 or 1");
  if (fmod == 1) return MakeBinary<FmodOp, NumericTypes>(context);
  return MakeBinary<ModOp, NumericTypes>(context);
}

constexpr KernelEntry kEntries[] = {
    {"Pow", 1, &MakeLegacyPow, "", Takes::kFloats},
    {"Pow", 7, &MakePow, "", Takes::kFloats},
    {"Mod", 10, &MakeMod, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> PowerKernels() { return kEntries; }

}  // namespace quantd::cpu
