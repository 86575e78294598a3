// CumSum: running sums along an axis.
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/element_types.h"

namespace quantd::cpu {
namespace {

// Each entry of an axis is `inner` elements; entry i gets the sum of those before it, and of its own unless exclusive. The
// sums of all its elements run side by side.
template <typename T>
void RunningSums(const T* x, int64_t extent, int64_t inner, bool exclusive, bool reverse, T* y) {
  std::vector<T> sums(static_cast<size_t>(inner), T(0));
  for (int64_t step = 0; step < extent; ++step) {
    const int64_t at = (reverse ? extent - 1 - step : step) * inner;
    for (int64_t j = 0; j < inner; ++j) {
      T& sum = sums[static_cast<size_t>(j)];
      if (exclusive) y[at + j] = sum;
      sum = AddOp::Of(sum, x[at + j]);
      if (!exclusive) y[at + j] = sum;
    }
  }
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeCumSum(const KernelContext& context) {
  const bool exclusive = context.node.Int("exclusive", 0) != 0;
  const bool reverse = context.node.Int("reverse", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const std::vector<int64_t> named, Integers(*inputs[1]));
    if (named.size() != 1) return BadShape("the axis of CumSum must be one number");
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(named[0], x.rank()));
    int64_t inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
    return ForType(x, NumericTypes(), [&]<typename T>(Type<T>) -> absl::Status {
      ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), x.shape()));
      const int64_t block = x.dim(axis) * inner;
      for (int64_t at = 0; at < x.size(); at += block) {
        RunningSums(x.data<T>() + at, x.dim(axis), inner, exclusive, reverse, out.mutable_data<T>() + at);
      }
      outputs[0] = std::move(out);
      return absl::OkStatus();
    });
  });
}

constexpr KernelEntry kEntries[] = {{"CumSum", 11, &MakeCumSum, "", Takes::kFloats}};

}  // namespace

std::span<const KernelEntry> CumSumKernels() { return kEntries; }

}  // namespace quantd::cpu
