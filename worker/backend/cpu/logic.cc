// Comparisons, truth values and bit patterns of two tensors, and the choice between two by a third.
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/zip.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

struct EqualOp {
  template <typename T>
  static bool Of(T a, T b) { return a == b; }
};
struct LessOp {
  template <typename T>
  static bool Of(T a, T b) { return a < b; }
};
struct LessOrEqualOp {
  template <typename T>
  static bool Of(T a, T b) { return a <= b; }
};
struct GreaterOp {
  template <typename T>
  static bool Of(T a, T b) { return a > b; }
};
struct GreaterOrEqualOp {
  template <typename T>
  static bool Of(T a, T b) { return a >= b; }
};
struct AndOp {
  static bool Of(bool a, bool b) { return a && b; }
};
struct OrOp {
  static bool Of(bool a, bool b) { return a || b; }
};
struct XorOp {
  static bool Of(bool a, bool b) { return a != b; }
};
struct BitAndOp {
  template <typename T>
  static T Of(T a, T b) { return static_cast<T>(a & b); }
};
struct BitOrOp {
  template <typename T>
  static T Of(T a, T b) { return static_cast<T>(a | b); }
};
struct BitXorOp {
  template <typename T>
  static T Of(T a, T b) { return static_cast<T>(a ^ b); }
};
// A shift by the width or more leaves nothing.
struct ShiftLeftOp {
  template <typename T>
  static T Of(T a, T b) {
    return b < std::numeric_limits<T>::digits ? static_cast<T>(static_cast<Modular<T>>(a) << b) : T(0);
  }
};
struct ShiftRightOp {
  template <typename T>
  static T Of(T a, T b) {
    return b < std::numeric_limits<T>::digits ? static_cast<T>(a >> b) : T(0);
  }
};

template <typename Op>
Maker MakeComparison(const KernelContext& context) {
  return MakeBinary<Op, AllTypes, true>(context);
}
template <typename Op>
Maker MakeLegacyComparison(const KernelContext& context) {
  return MakeLegacyBroadcast(context, &MakeComparison<Op>);
}
template <typename Op>
Maker MakeTruth(const KernelContext& context) {
  return MakeBinary<Op, TypeList<bool>, true>(context);
}
template <typename Op>
Maker MakeLegacyTruth(const KernelContext& context) {
  return MakeLegacyBroadcast(context, &MakeTruth<Op>);
}
template <typename Op>
Maker MakeBitwise(const KernelContext& context) {
  return MakeBinary<Op, IntegerTypes>(context);
}

Maker MakeBitShift(const KernelContext& context) {
  const std::string direction = context.node.String("direction", "");
  if (direction == "LEFT") return MakeBinary<ShiftLeftOp, UnsignedTypes>(context);
  if (direction == "RIGHT") return MakeBinary<ShiftRightOp, UnsignedTypes>(context);
  return BadAttribute("the direction of BitShift must be LEFT or RIGHT");
}

// One run of Where; a step is 0 or 1.
template <typename T>
void SelectRun(const bool* c, int64_t c_step, const T* a, int64_t a_step, const T* b, int64_t b_step,
               int64_t n, T* y) {
  if (c_step == 0) {
    const T* from = *c ? a : b;
    if ((*c ? a_step : b_step) != 0) {
      std::copy(from, from + n, y);
    } else {
      std::fill(y, y + n, *from);
    }
  } else if (a_step != 0 && b_step != 0) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b[i];
  } else if (a_step != 0) {
    const T otherwise = *b;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : otherwise;
  } else {
    const T chosen = *a;
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? chosen : b[i * b_step];
  }
}

absl::Status RunWhere(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 3));
  const Tensor& condition = *inputs[0];
  const Tensor& x = *inputs[1];
  const Tensor& y = *inputs[2];
  if (condition.dtype() != DataType::kBool) return BadType(condition, "bool");
  if (x.dtype() != y.dtype()) return BadType(y, DataTypeName(x.dtype()) + " like the second one");
  ASSIGN_OR_RETURN(const Shape values, BroadcastShape(x.shape(), y.shape()));
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(condition.shape(), values));
  return ForWidth(x.dtype(), [&]<typename T>(Type<T>) -> absl::Status {
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
    const bool* c = condition.data<bool>();
    const T* a = ElementsOf<T>(x);
    const T* b = ElementsOf<T>(y);
    T* to = MutableElementsOf<T>(out);
    ForEachRun(BroadcastWalk<3>({&condition, &x, &y}, shape),
               [&](const auto& at, const auto& steps, int64_t n) {
                 SelectRun(c + at[0], steps[0], a + at[1], steps[1], b + at[2], steps[2], n, to + at[3]);
               });
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeWhere(const KernelContext&) { return MakeKernelFrom(&RunWhere); }

constexpr KernelEntry kEntries[] = {
    {"Equal", 1, &MakeLegacyComparison<EqualOp>, "", Takes::kFloats},
    {"Equal", 7, &MakeComparison<EqualOp>, "", Takes::kFloats},
    {"Less", 1, &MakeLegacyComparison<LessOp>, "", Takes::kFloats},
    {"Less", 7, &MakeComparison<LessOp>, "", Takes::kFloats},
    {"LessOrEqual", 12, &MakeComparison<LessOrEqualOp>, "", Takes::kFloats},
    {"Greater", 1, &MakeLegacyComparison<GreaterOp>, "", Takes::kFloats},
    {"Greater", 7, &MakeComparison<GreaterOp>, "", Takes::kFloats},
    {"GreaterOrEqual", 12, &MakeComparison<GreaterOrEqualOp>, "", Takes::kFloats},
    {"And", 1, &MakeLegacyTruth<AndOp>, "", Takes::kNumbers},
    {"And", 7, &MakeTruth<AndOp>, "", Takes::kNumbers},
    {"Or", 1, &MakeLegacyTruth<OrOp>, "", Takes::kNumbers},
    {"Or", 7, &MakeTruth<OrOp>, "", Takes::kNumbers},
    {"Xor", 1, &MakeLegacyTruth<XorOp>, "", Takes::kNumbers},
    {"Xor", 7, &MakeTruth<XorOp>, "", Takes::kNumbers},
    {"BitwiseAnd", 18, &MakeBitwise<BitAndOp>, "", Takes::kNumbers},
    {"BitwiseOr", 18, &MakeBitwise<BitOrOp>, "", Takes::kNumbers},
    {"BitwiseXor", 18, &MakeBitwise<BitXorOp>, "", Takes::kNumbers},
    {"BitShift", 11, &MakeBitShift, "", Takes::kNumbers},
    {"Where", 9, &MakeWhere, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> LogicKernels() { return kEntries; }

}  // namespace quantd::cpu
