// Transpose.
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/strided_copy.h"

namespace quantd::cpu {
namespace {

absl::StatusOr<std::unique_ptr<Kernel>> MakeTranspose(const KernelContext& context) {
  const std::vector<int64_t> attribute = context.node.Ints("perm");
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    std::vector<int64_t> order = attribute;
    if (order.empty()) {
      for (size_t i = x.rank(); i-- > 0;) order.push_back(static_cast<int64_t>(i));
    }
    std::vector<bool> used(x.rank(), false);
    Shape shape;
    std::vector<int64_t> strides;
    const std::vector<int64_t> own = RowMajorStrides(x.shape());
    for (const int64_t axis : order) {
      ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, x.rank()));
      if (used[normal]) return BadAttribute("perm names an axis twice");
      used[normal] = true;
      shape.push_back(x.dim(normal));
      strides.push_back(own[normal]);
    }
    if (shape.size() != x.rank()) return BadAttribute("perm does not name every axis");
    ASSIGN_OR_RETURN(outputs[0], CopyStrided(x, 0, shape, strides, outputs));
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"Transpose", 1, &MakeTranspose, "", Takes::kNumbers}};

}  // namespace

std::span<const KernelEntry> TransposeKernels() { return kEntries; }

}  // namespace quantd::cpu
