// Operators that take elements or slices by index.
#include <cstring>
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/indices.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// Copies `outer` times, from tables `extent` slices apart, the named slices of `inner` elements.
template <typename T>
void GatherSlices(const T* from, int64_t outer, int64_t extent, int64_t inner,
                  const std::vector<int64_t>& indices, T* to) {
  for (int64_t o = 0; o < outer; ++o, from += extent * inner) {
    if (inner == 1) {
      for (const int64_t index : indices) *to++ = from[index];
      continue;
    }
    for (const int64_t index : indices) {
      std::memcpy(to, from + index * inner, static_cast<size_t>(inner) * sizeof(T));
      to += inner;
    }
  }
}

Maker MakeGather(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    ASSIGN_OR_RETURN(const std::vector<int64_t> indices, CheckedIndices(*inputs[1], x.dim(axis)));
    Shape shape(x.shape().begin(), x.shape().begin() + static_cast<std::ptrdiff_t>(axis));
    shape.insert(shape.end(), inputs[1]->shape().begin(), inputs[1]->shape().end());
    shape.insert(shape.end(), x.shape().begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.shape().end());
    int64_t outer = 1, inner = 1;
    for (size_t i = 0; i < axis; ++i) outer *= x.dim(i);
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
    return ForWidth(x.dtype(), [&]<typename T>(Type<T>) -> absl::Status {
      ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
      if (out.size() > 0) {
        GatherSlices(ElementsOf<T>(x), outer, x.dim(axis), inner, indices, MutableElementsOf<T>(out));
      }
      outputs[0] = std::move(out);
      return absl::OkStatus();
    });
  });
}

Maker MakeGatherElements(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  return MakeKernelFrom([attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, OffsetsAlongAxis(*inputs[1], x.shape(), axis));
    return ForWidth(x.dtype(), [&]<typename T>(Type<T>) -> absl::Status {
      ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), inputs[1]->shape()));
      const T* from = ElementsOf<T>(x);
      T* to = MutableElementsOf<T>(out);
      for (const int64_t offset : offsets) *to++ = from[offset];
      outputs[0] = std::move(out);
      return absl::OkStatus();
    });
  });
}

Maker MakeGatherNd(const KernelContext& context) {
  const int64_t batch_axes = context.node.Int("batch_dims", 0);
  if (batch_axes < 0) return BadAttribute("batch_dims of GatherND is negative");
  return MakeKernelFrom([batch_axes](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const Tensor& x = *inputs[0];
    const Tensor& indices = *inputs[1];
    if (batch_axes > static_cast<int64_t>(x.rank())) return BadShape("batch_dims of GatherND is above the rank");
    ASSIGN_OR_RETURN(const SliceOffsets slices,
                     OffsetsOfSlices(indices, x.shape(), static_cast<size_t>(batch_axes)));
    Shape shape(indices.shape().begin(), indices.shape().end() - 1);
    shape.insert(shape.end(), slices.slice_shape.begin(), slices.slice_shape.end());
    return ForWidth(x.dtype(), [&]<typename T>(Type<T>) -> absl::Status {
      ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
      if (out.size() > 0) {
        T* to = MutableElementsOf<T>(out);
        for (const int64_t offset : slices.offsets) {
          std::memcpy(to, ElementsOf<T>(x) + offset, static_cast<size_t>(slices.slice) * sizeof(T));
          to += slices.slice;
        }
      }
      outputs[0] = std::move(out);
      return absl::OkStatus();
    });
  });
}

constexpr KernelEntry kEntries[] = {
    {"Gather", 1, &MakeGather, "", Takes::kNumbers},
    {"GatherElements", 11, &MakeGatherElements, "", Takes::kNumbers},
    {"GatherND", 11, &MakeGatherNd, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> IndexKernels() { return kEntries; }

}  // namespace quantd::cpu
