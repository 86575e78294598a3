// Functions of one number: those that floats have, and those that integers have too.
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/elementwise.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;
using SignedTypes = TypeList<float, double, int8_t, int16_t, int32_t, int64_t>;

template <float (*kFunction)(float)>
Maker Make(const KernelContext&) {
  return FloatKernel([](float x) { return kFunction(x); });
}

float Acos(float x) { return std::acos(x); }
float Acosh(float x) { return std::acosh(x); }
float Asin(float x) { return std::asin(x); }
float Asinh(float x) { return std::asinh(x); }
float Atan(float x) { return std::atan(x); }
float Atanh(float x) { return std::atanh(x); }
float Ceil(float x) { return std::ceil(x); }
float Cos(float x) { return std::cos(x); }
float Cosh(float x) { return std::cosh(x); }
float Floor(float x) { return std::floor(x); }
float Log(float x) { return std::log(x); }
float Reciprocal(float x) { return 1 / x; }
float RoundEven(float x) { return std::nearbyint(x); }
float Sin(float x) { return std::sin(x); }
float Sinh(float x) { return std::sinh(x); }
float Sqrt(float x) { return std::sqrt(x); }
float Tan(float x) { return std::tan(x); }

struct NegOp {
  template <typename T>
  static T Of(T x) {
    if constexpr (std::is_integral_v<T>) return SubOp::Of(T(0), x);
    return -x;
  }
};

struct AbsOp {
  template <typename T>
  static T Of(T x) {
    if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
    if constexpr (std::is_signed_v<T>) return x < 0 ? NegOp::Of(x) : x;
    return x;
  }
};

// A NaN stays one.
struct SignOp {
  template <typename T>
  static T Of(T x) {
    if constexpr (std::is_unsigned_v<T>) return T(x > 0);
    return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
  }
};

// Floats have the vector kernel, other types the operation.
template <KernelTable::Map KernelTable::*kMap, typename Op, typename Types>
Maker MakeSpanOr(const KernelContext& context) {
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> made, (MakeUnary<Op, Types>(context)));
  const std::shared_ptr<Kernel> others = std::move(made);
  const std::shared_ptr<Kernel> floats = SpanKernel(Kernels().*kMap);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return (inputs[0]->dtype() == DataType::kFloat ? floats : others)->Run(inputs, outputs);
  });
}

struct ReluOp {
  template <typename T>
  static T Of(T x) {
    return x > 0 || x != x ? x : T(0);
  }
};

struct ErfOp {
  template <typename T>
  static T Of(T x) {
    if constexpr (std::is_floating_point_v<T>) return std::erf(x);
    return static_cast<T>(std::erf(static_cast<double>(x)));
  }
};

struct NotOp {
  static bool Of(bool x) { return !x; }
};

struct BitNotOp {
  template <typename T>
  static T Of(T x) {
    return static_cast<T>(~x);
  }
};

struct IsNanOp {
  template <typename T>
  static bool Of(T x) {
    return x != x;
  }
};

Maker MakeIsInf(const KernelContext& context) {
  const bool negative = context.node.Int("detect_negative", 1) != 0;
  const bool positive = context.node.Int("detect_positive", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return ForType(*inputs[0], FloatTypes(), [&]<typename T>(Type<T>) {
      constexpr T kInfinity = std::numeric_limits<T>::infinity();
      return Map<bool, T>(*inputs[0], outputs, [=](T x) {
        return (positive && x == kInfinity) || (negative && x == -kInfinity);
      });
    });
  });
}

Maker MakeIdentity(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    outputs[0] = *inputs[0];
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Acos", 7, &Make<Acos>},
    {"Acosh", 9, &Make<Acosh>},
    {"Asin", 7, &Make<Asin>},
    {"Asinh", 9, &Make<Asinh>},
    {"Atan", 7, &Make<Atan>},
    {"Atanh", 9, &Make<Atanh>},
    {"Ceil", 1, &Make<Ceil>},
    {"Cos", 7, &Make<Cos>},
    {"Cosh", 9, &Make<Cosh>},
    {"Exp", 1, &MakeSpan<&KernelTable::exp>},
    {"Floor", 1, &Make<Floor>},
    {"Log", 1, &Make<Log>},
    {"Reciprocal", 1, &Make<Reciprocal>},
    {"Round", 11, &Make<RoundEven>},
    {"Sigmoid", 1, &MakeSpan<&KernelTable::sigmoid>},
    {"Sin", 7, &Make<Sin>},
    {"Sinh", 9, &Make<Sinh>},
    {"Sqrt", 1, &Make<Sqrt>},
    {"Tan", 7, &Make<Tan>},
    {"Tanh", 1, &MakeSpan<&KernelTable::tanh>},
    {"Abs", 1, &MakeUnary<AbsOp, NumericTypes>, "", Takes::kFloats},
    {"Erf", 9, &MakeSpanOr<&KernelTable::erf, ErfOp, NumericTypes>, "", Takes::kFloats},
    {"Neg", 1, &MakeUnary<NegOp, SignedTypes>, "", Takes::kFloats},
    {"Relu", 1, &MakeSpanOr<&KernelTable::relu, ReluOp, SignedTypes>, "", Takes::kFloats},
    {"Sign", 9, &MakeUnary<SignOp, NumericTypes>, "", Takes::kFloats},
    {"Not", 1, &MakeUnary<NotOp, TypeList<bool>>, "", Takes::kNumbers},
    {"BitwiseNot", 18, &MakeUnary<BitNotOp, IntegerTypes>, "", Takes::kNumbers},
    {"IsNaN", 9, &MakeUnary<IsNanOp, FloatTypes, true>, "", Takes::kFloats},
    {"IsInf", 10, &MakeIsInf, "", Takes::kFloats},
    {"Identity", 1, &MakeIdentity, "", Takes::kValues},
};

}  // namespace

std::span<const KernelEntry> UnaryKernels() { return kEntries; }

}  // namespace quantd::cpu
