// Arithmetic of two tensors, and the operators that fold any number of them.
#include <algorithm>
#include <type_traits>

#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/broadcast.h"
#include "worker/backend/cpu/zip.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// The vector kernels of an operation on floats; x - b is x + (-b) to the bit.
template <typename Op>
struct Vector;
template <>
struct Vector<AddOp> {
  static void Zip(const float* a, const float* b, size_t n, float* y) { Kernels().add(a, b, n, y); }
  static void ZipScalar(const float* a, float b, size_t n, float* y) { Kernels().add_scalar(a, b, n, y); }
  static constexpr bool kCommutes = true;
};
template <>
struct Vector<SubOp> {
  static void Zip(const float* a, const float* b, size_t n, float* y) { Kernels().sub(a, b, n, y); }
  static void ZipScalar(const float* a, float b, size_t n, float* y) { Kernels().add_scalar(a, -b, n, y); }
  static constexpr bool kCommutes = false;
};
template <>
struct Vector<MulOp> {
  static void Zip(const float* a, const float* b, size_t n, float* y) { Kernels().mul(a, b, n, y); }
  static void ZipScalar(const float* a, float b, size_t n, float* y) { Kernels().mul_scalar(a, b, n, y); }
  static constexpr bool kCommutes = true;
};
template <>
struct Vector<DivOp> {
  static void Zip(const float* a, const float* b, size_t n, float* y) { Kernels().div(a, b, n, y); }
  static void ZipScalar(const float* a, float b, size_t n, float* y) { Kernels().div_scalar(a, b, n, y); }
  static constexpr bool kCommutes = false;
};

template <typename Op>
absl::Status FloatArithmetic(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& result) {
  using V = Vector<Op>;
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(a.shape(), b.shape()));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  const float* x = a.data<float>();
  const float* z = b.data<float>();
  float* y = out.mutable_data<float>();
  ForEachRun(BroadcastWalk<2>({&a, &b}, shape), [&](const auto& at, const auto& steps, int64_t length) {
    const size_t n = static_cast<size_t>(length);
    if (steps[0] != 0 && steps[1] != 0) {
      V::Zip(x + at[0], z + at[1], n, y + at[2]);
    } else if (steps[0] != 0) {
      V::ZipScalar(x + at[0], z[at[1]], n, y + at[2]);
    } else if (V::kCommutes) {
      V::ZipScalar(z + at[1], x[at[0]], n, y + at[2]);
    } else {
      ApplyRun<Op>(x + at[0], steps[0], z + at[1], steps[1], length, y + at[2]);
    }
  });
  result = std::move(out);
  return absl::OkStatus();
}

template <typename Op>
Maker MakeArithmetic(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    RETURN_IF_ERROR(RequireSameType(*inputs[0], *inputs[1]));
    return ForType(*inputs[0], NumericTypes(), [&]<typename T>(Type<T>) {
      if constexpr (std::is_same_v<T, float>) {
        return FloatArithmetic<Op>(*inputs[0], *inputs[1], outputs, outputs[0]);
      } else {
        return Broadcast<Op, T, T, T>(*inputs[0], *inputs[1], outputs);
      }
    });
  });
}

template <typename Op>
Maker MakeLegacy(const KernelContext& context) {
  return MakeLegacyBroadcast(context, &MakeArithmetic<Op>);
}

template <typename Op, typename Types>
absl::Status Fold(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, std::max<size_t>(inputs.size(), 1)));
  return ForType(*inputs[0], Types(), [&]<typename T>(Type<T>) -> absl::Status {
    outputs[0] = *inputs[0];
    for (size_t i = 1; i < inputs.size(); ++i) {
      RETURN_IF_ERROR(RequireSameType(*inputs[0], *inputs[i]));
      const Tensor before = outputs[0];
      RETURN_IF_ERROR((Broadcast<Op, T, T, T>(before, *inputs[i], outputs)));
    }
    return absl::OkStatus();
  });
}

// Max, Min and Sum of any number of tensors.
template <typename Op, typename Types>
Maker MakeFold(const KernelContext&) {
  return MakeKernelFrom(&Fold<Op, Types>);
}

Maker MakeMean(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR((Fold<AddOp, FloatTypes>(inputs, outputs)));
    const Tensor sum = outputs[0];
    return ForType(sum, FloatTypes(), [&]<typename T>(Type<T>) {
      const Tensor count = Tensor::Scalar(static_cast<T>(inputs.size()));
      return Broadcast<DivOp, T, T, T>(sum, count, outputs);
    });
  });
}

constexpr KernelEntry kEntries[] = {
    {"Add", 1, &MakeLegacy<AddOp>, "", Takes::kFloats},
    {"Add", 7, &MakeArithmetic<AddOp>, "", Takes::kFloats},
    {"Sub", 1, &MakeLegacy<SubOp>, "", Takes::kFloats},
    {"Sub", 7, &MakeArithmetic<SubOp>, "", Takes::kFloats},
    {"Mul", 1, &MakeLegacy<MulOp>, "", Takes::kFloats},
    {"Mul", 7, &MakeArithmetic<MulOp>, "", Takes::kFloats},
    {"Div", 1, &MakeLegacy<DivOp>, "", Takes::kFloats},
    {"Div", 7, &MakeArithmetic<DivOp>, "", Takes::kFloats},
    {"Max", 1, &MakeFold<MaxOp, NumericTypes>, "", Takes::kFloats},
    {"Min", 1, &MakeFold<MinOp, NumericTypes>, "", Takes::kFloats},
    {"Sum", 1, &MakeFold<AddOp, NumericTypes>, "", Takes::kFloats},
    {"Mean", 1, &MakeMean, "", Takes::kFloats},
};

}  // namespace

absl::Status BroadcastAdd(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& sum) {
  return FloatArithmetic<AddOp>(a, b, outputs, sum);
}

absl::Status BroadcastMul(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& product) {
  return FloatArithmetic<MulOp>(a, b, outputs, product);
}

std::span<const KernelEntry> BinaryKernels() { return kEntries; }

}  // namespace quantd::cpu
