// y = f(x), element by element, for the operators of one tensor.
#pragma once

#include <memory>
#include <utility>

#include "common/status_macros.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {

// REQUIRES: T is the element type of `x`; `function` takes a T and returns an R, without side effects.
template <typename R, typename T, typename Function>
absl::Status Map(const Tensor& x, Outputs& outputs, Function function) {
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataTypeOf<R>::value, x.shape()));
  const T* from = x.data<T>();
  R* to = out.mutable_data<R>();
  const int64_t n = x.size();
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] = function(from[i]);
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// The kernel of a function on floats.
template <typename Function>
std::unique_ptr<Kernel> FloatKernel(Function function) {
  return MakeKernelFrom([function](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    return Map<float, float>(*inputs[0], outputs, function);
  });
}

// The same for a function of the vector kernels.
inline std::unique_ptr<Kernel> SpanKernel(KernelTable::Map map) {
  return MakeKernelFrom([map](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    map(inputs[0]->data<float>(), static_cast<size_t>(out.size()), out.mutable_data<float>());
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

template <KernelTable::Map KernelTable::*kMap>
absl::StatusOr<std::unique_ptr<Kernel>> MakeSpan(const KernelContext&) {
  return SpanKernel(Kernels().*kMap);
}

// The kernel of an operator that is a struct with a static `Of(x)`, for the types of the list. `kBool`: the result is a
// truth value.
template <typename Op, typename Types, bool kBool = false>
absl::StatusOr<std::unique_ptr<Kernel>> MakeUnary(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return ForType(*inputs[0], Types(), [&]<typename T>(Type<T>) {
      using R = std::conditional_t<kBool, bool, T>;
      return Map<R, T>(*inputs[0], outputs, [](T x) { return Op::Of(x); });
    });
  });
}

}  // namespace quantd::cpu
