// y = op(a, b) with NumPy broadcasting, for the operators of two tensors.
//
// An operation is a struct with a static `Of(a, b)`; its result type is that of the output.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/strided_walk.h"

namespace quantd::cpu {

// The walk over a result and the tensors that are broadcast to its shape; the result comes last.
template <size_t N>
StridedShape<N + 1> BroadcastWalk(const std::array<const Tensor*, N>& inputs, const Shape& result) {
  std::array<std::vector<int64_t>, N + 1> strides;
  for (size_t k = 0; k < N; ++k) strides[k] = BroadcastStrides(inputs[k]->shape(), result);
  strides[N] = RowMajorStrides(result);
  return JoinAxes<N + 1>(result, strides);
}

// One run: a step is 0 or 1. The loops differ so that each is one that the compiler vectorizes.
template <typename Op, typename A, typename B, typename R>
void ApplyRun(const A* a, int64_t a_step, const B* b, int64_t b_step, int64_t n, R* y) {
  if (a_step != 0 && b_step != 0) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(a[i], b[i]);
  } else if (a_step != 0) {
    const B value = *b;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(a[i], value);
  } else if (b_step != 0) {
    const A value = *a;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(value, b[i]);
  } else {
    std::fill(y, y + n, Op::Of(*a, *b));
  }
}

// REQUIRES: A and B are the element types. Errors: BAD_SHAPE.
template <typename Op, typename A, typename B, typename R>
absl::Status Broadcast(const Tensor& a, const Tensor& b, Outputs& outputs) {
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(a.shape(), b.shape()));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataTypeOf<R>::value, shape));
  const A* x = a.data<A>();
  const B* z = b.data<B>();
  R* y = out.mutable_data<R>();
  ForEachRun(BroadcastWalk<2>({&a, &b}, shape), [&](const auto& at, const auto& steps, int64_t n) {
    ApplyRun<Op>(x + at[0], steps[0], z + at[1], steps[1], n, y + at[2]);
  });
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// The kernel of an operator on two tensors of one type, for the types of the list. `kBool`: the result is a truth value.
template <typename Op, typename Types, bool kBool = false>
absl::StatusOr<std::unique_ptr<Kernel>> MakeBinary(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    RETURN_IF_ERROR(RequireSameType(*inputs[0], *inputs[1]));
    return ForType(*inputs[0], Types(), [&]<typename T>(Type<T>) {
      using R = std::conditional_t<kBool, bool, T>;
      return Broadcast<Op, T, T, R>(*inputs[0], *inputs[1], outputs);
    });
  });
}

// Until opset 6 nothing is broadcast unless the node says broadcast=1; then the second tensor may be one element, or
// match a run of the first one's axes from `axis` on (without it: the last ones). `make` makes the kernel of today.
absl::StatusOr<std::unique_ptr<Kernel>> MakeLegacyBroadcast(
    const KernelContext& context,
    absl::StatusOr<std::unique_ptr<Kernel>> (*make)(const KernelContext& context));

}  // namespace quantd::cpu
