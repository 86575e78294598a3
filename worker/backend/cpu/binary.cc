// Element-wise operators of two or three tensors, with NumPy broadcasting.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "common/status_macros.h"
#include "worker/backend/cpu/broadcast.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// y = f(a, b) over the last axis of the broadcast shape; a stride is 0 or 1 there.
template <typename T, typename R, typename Function>
void ApplyRow(const T* a, int64_t a_stride, const T* b, int64_t b_stride, int64_t n, R* y,
              Function f) {
  if (a_stride == 1 && b_stride == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (a_stride == 1) {
    const T value = *b;
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], value);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = f(*a, b[i * b_stride]);
  }
}

template <typename T, typename R, typename Function>
absl::Status Broadcast(const Tensor& a, const Tensor& b, Tensor& result, Function f) {
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(a.shape(), b.shape()));
  ASSIGN_OR_RETURN(Tensor out, MakeOutput(DataTypeOf<R>::value, shape));
  const T* x = a.data<T>();
  const T* z = b.data<T>();
  R* y = out.mutable_data<R>();
  if (a.shape() == b.shape()) {
    ApplyRow(x, 1, z, 1, out.size(), y, f);
  } else {
    const std::vector<int64_t> sa = BroadcastStrides(a.shape(), shape);
    const std::vector<int64_t> sb = BroadcastStrides(b.shape(), shape);
    const int64_t n = shape.back();  // Shapes that differ are not both scalars.
    ForEachRow(shape, {sa, sb, RowMajorStrides(shape)}, [&](const std::vector<int64_t>& at) {
      ApplyRow(x + at[0], sa.back(), z + at[1], sb.back(), n, y + at[2], f);
    });
  }
  result = std::move(out);
  return absl::OkStatus();
}

// Integers wrap as two's complement; floats follow IEEE 754.
struct AddOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    } else {
      return a + b;
    }
  }
};
struct SubOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
    } else {
      return a - b;
    }
  }
};
struct MulOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    } else {
      return a * b;
    }
  }
};
struct DivOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      // Both would trap: ONNX leaves them undefined.
      if (b == 0) return 0;
      if (b == T(-1)) return SubOp::Of(T(0), a);
    }
    return a / b;
  }
};
struct PowOp {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (b == T(2)) return a * a;
      return std::pow(a, b);
    } else {
      return Saturated<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
    }
  }
};
struct MaxOp {
  template <typename T>
  static T Of(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct MinOp {
  template <typename T>
  static T Of(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

// The vector kernel of the float operator, or null.
template <typename Op>
KernelTable::Zip VectorForm() {
  if constexpr (std::is_same_v<Op, AddOp>) return Kernels().add;
  if constexpr (std::is_same_v<Op, SubOp>) return Kernels().sub;
  if constexpr (std::is_same_v<Op, MulOp>) return Kernels().mul;
  if constexpr (std::is_same_v<Op, DivOp>) return Kernels().div;
  return nullptr;
}

// REQUIRES: Op has a vector form. x - b is x + (-b) to the bit.
template <typename Op>
void ZipScalar(const float* x, float b, size_t n, float* y) {
  if constexpr (std::is_same_v<Op, AddOp>) return Kernels().add_scalar(x, b, n, y);
  if constexpr (std::is_same_v<Op, SubOp>) return Kernels().add_scalar(x, -b, n, y);
  if constexpr (std::is_same_v<Op, MulOp>) return Kernels().mul_scalar(x, b, n, y);
  if constexpr (std::is_same_v<Op, DivOp>) return Kernels().div_scalar(x, b, n, y);
}

template <typename Op>
absl::Status FloatArithmetic(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& result) {
  const KernelTable::Zip zip = VectorForm<Op>();
  if (zip == nullptr) return Broadcast<float, float>(a, b, result, Op::template Of<float>);
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(a.shape(), b.shape()));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  const float* x = a.data<float>();
  const float* z = b.data<float>();
  float* y = out.mutable_data<float>();
  if (a.shape() == b.shape()) {
    zip(x, z, static_cast<size_t>(out.size()), y);
  } else if (b.size() == 1 && a.shape() == shape) {
    ZipScalar<Op>(x, *z, static_cast<size_t>(out.size()), y);
  } else {
    const std::vector<int64_t> sa = BroadcastStrides(a.shape(), shape);
    const std::vector<int64_t> sb = BroadcastStrides(b.shape(), shape);
    const int64_t n = shape.back();  // Shapes that differ are not both scalars.
    ForEachRow(shape, {sa, sb, RowMajorStrides(shape)}, [&](const std::vector<int64_t>& at) {
      if (sa.back() == 1 && sb.back() == 1) {
        zip(x + at[0], z + at[1], static_cast<size_t>(n), y + at[2]);
      } else {
        ApplyRow(x + at[0], sa.back(), z + at[1], sb.back(), n, y + at[2], Op::template Of<float>);
      }
    });
  }
  result = std::move(out);
  return absl::OkStatus();
}

template <typename Op>
absl::Status Arithmetic(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& out) {
  if (a.dtype() != b.dtype()) return BadType(b, DataTypeName(a.dtype()) + " like the first one");
  switch (a.dtype()) {
    case DataType::kFloat:
      return FloatArithmetic<Op>(a, b, outputs, out);
    case DataType::kDouble:
      return Broadcast<double, double>(a, b, out, Op::template Of<double>);
    case DataType::kInt64:
      return Broadcast<int64_t, int64_t>(a, b, out, Op::template Of<int64_t>);
    case DataType::kInt32:
      return Broadcast<int32_t, int32_t>(a, b, out, Op::template Of<int32_t>);
    default:
      return BadType(a, "float, double, int32 or int64");
  }
}

// Add and the like of two tensors; Min, Max, Sum and Mean fold any number of them.
template <typename Op>
absl::StatusOr<std::unique_ptr<Kernel>> MakeArithmetic(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, std::max<size_t>(inputs.size(), 1)));
    Tensor result = *inputs[0];
    for (size_t i = 1; i < inputs.size(); ++i) {
      Tensor next;
      RETURN_IF_ERROR(Arithmetic<Op>(result, *inputs[i], outputs, next));
      result = std::move(next);
    }
    outputs[0] = std::move(result);
    return absl::OkStatus();
  });
}

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
  template <typename T>
  static bool Of(T a, T b) { return a && b; }
};
struct OrOp {
  template <typename T>
  static bool Of(T a, T b) { return a || b; }
};

template <typename Op>
absl::StatusOr<std::unique_ptr<Kernel>> MakeComparison(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& a = *inputs[0];
    const Tensor& b = *inputs[1];
    if (a.dtype() != b.dtype()) return BadType(b, DataTypeName(a.dtype()) + " like the first one");
    switch (a.dtype()) {
      case DataType::kFloat:
        return Broadcast<float, bool>(a, b, outputs[0], Op::template Of<float>);
      case DataType::kDouble:
        return Broadcast<double, bool>(a, b, outputs[0], Op::template Of<double>);
      case DataType::kInt64:
        return Broadcast<int64_t, bool>(a, b, outputs[0], Op::template Of<int64_t>);
      case DataType::kInt32:
        return Broadcast<int32_t, bool>(a, b, outputs[0], Op::template Of<int32_t>);
      case DataType::kBool:
        return Broadcast<bool, bool>(a, b, outputs[0], Op::template Of<bool>);
      default:
        return BadType(a, "float, double, int32, int64 or bool");
    }
  });
}

template <typename T>
absl::Status Select(const Tensor& condition, const Tensor& x, const Tensor& y, Tensor& result) {
  ASSIGN_OR_RETURN(const Shape values, BroadcastShape(x.shape(), y.shape()));
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(condition.shape(), values));
  ASSIGN_OR_RETURN(Tensor out, MakeOutput(x.dtype(), shape));
  const std::vector<int64_t> sc = BroadcastStrides(condition.shape(), shape);
  const std::vector<int64_t> sx = BroadcastStrides(x.shape(), shape);
  const std::vector<int64_t> sy = BroadcastStrides(y.shape(), shape);
  const int64_t n = shape.empty() ? 1 : shape.back();
  const int64_t dc = shape.empty() ? 0 : sc.back();
  const int64_t dx = shape.empty() ? 0 : sx.back();
  const int64_t dy = shape.empty() ? 0 : sy.back();
  T* to = out.mutable_data<T>();
  ForEachRow(shape, {sc, sx, sy, RowMajorStrides(shape)}, [&](const std::vector<int64_t>& at) {
    const bool* c = condition.data<bool>() + at[0];
    const T* a = x.data<T>() + at[1];
    const T* b = y.data<T>() + at[2];
    for (int64_t i = 0; i < n; ++i) to[at[3] + i] = c[i * dc] ? a[i * dx] : b[i * dy];
  });
  result = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeWhere(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    if (inputs[0]->dtype() != DataType::kBool) return BadType(*inputs[0], "bool");
    if (inputs[1]->dtype() != inputs[2]->dtype()) {
      return BadType(*inputs[2], DataTypeName(inputs[1]->dtype()) + " like the second one");
    }
    switch (inputs[1]->dtype()) {
      case DataType::kFloat:
        return Select<float>(*inputs[0], *inputs[1], *inputs[2], outputs[0]);
      case DataType::kInt64:
        return Select<int64_t>(*inputs[0], *inputs[1], *inputs[2], outputs[0]);
      case DataType::kInt32:
        return Select<int32_t>(*inputs[0], *inputs[1], *inputs[2], outputs[0]);
      case DataType::kBool:
        return Select<bool>(*inputs[0], *inputs[1], *inputs[2], outputs[0]);
      default:
        return BadType(*inputs[1], "float, int32, int64 or bool");
    }
  });
}

constexpr KernelEntry kEntries[] = {
    {"Add", 7, &MakeArithmetic<AddOp>},
    {"Sub", 7, &MakeArithmetic<SubOp>},
    {"Mul", 7, &MakeArithmetic<MulOp>},
    {"Div", 7, &MakeArithmetic<DivOp>},
    {"Pow", 7, &MakeArithmetic<PowOp>},
    {"Max", 6, &MakeArithmetic<MaxOp>},
    {"Min", 6, &MakeArithmetic<MinOp>},
    {"Sum", 6, &MakeArithmetic<AddOp>},
    {"Equal", 7, &MakeComparison<EqualOp>},
    {"Less", 7, &MakeComparison<LessOp>},
    {"LessOrEqual", 12, &MakeComparison<LessOrEqualOp>},
    {"Greater", 7, &MakeComparison<GreaterOp>},
    {"GreaterOrEqual", 12, &MakeComparison<GreaterOrEqualOp>},
    {"And", 7, &MakeComparison<AndOp>},
    {"Or", 7, &MakeComparison<OrOp>},
    {"Where", 9, &MakeWhere},
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
