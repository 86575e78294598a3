#include "worker/backend/cpu/zip.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quantd::cpu {
namespace {

// The second shape with ones behind it, so that NumPy's rule lines it up with `axis`.
absl::StatusOr<Shape> Aligned(const Shape& a, const Shape& b, bool has_axis, int64_t axis) {
  Shape aligned = b;
  if (!has_axis || b.empty()) return aligned;
  ASSIGN_OR_RETURN(const size_t first, NormalizeAxis(axis, a.size()));
  if (first + b.size() > a.size()) {
    return BadShape(absl::StrCat("shape ", ShapeString(b), " does not fit into ", ShapeString(a),
                                 " from axis ", axis, " on"));
  }
  aligned.insert(aligned.end(), a.size() - first - b.size(), 1);
  return aligned;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeLegacyBroadcast(
    const KernelContext& context,
    absl::StatusOr<std::unique_ptr<Kernel>> (*make)(const KernelContext& context)) {
  const bool broadcast = context.node.Int("broadcast", 0) != 0;
  const bool has_axis = context.node.Has("axis");
  const int64_t axis = context.node.Int("axis", 0);
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> made, make(context));
  const std::shared_ptr<Kernel> kernel = std::move(made);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Shape& a = inputs[0]->shape();
    const Shape& b = inputs[1]->shape();
    if (!broadcast && a != b) {
      return BadShape(absl::StrCat("shapes ", ShapeString(a), " and ", ShapeString(b),
                                   " differ, and the node does not say broadcast=1"));
    }
    ASSIGN_OR_RETURN(const Shape aligned, Aligned(a, b, has_axis, axis));
    const Tensor second = inputs[1]->Reshaped(aligned);
    return kernel->Run({inputs[0], &second}, outputs);
  });
}

}  // namespace quantd::cpu
