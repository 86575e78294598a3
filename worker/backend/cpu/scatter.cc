// Operators that write elements or slices by index into a copy of a tensor. What is written twice is written in the
// order of the updates.
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/indices.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

enum class Reduction { kNone, kAdd, kMul, kMax, kMin };

absl::StatusOr<Reduction> ReductionOf(const Node& node) {
  const std::string name = node.String("reduction", "none");
  if (name == "none") return Reduction::kNone;
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "max") return Reduction::kMax;
  if (name == "min") return Reduction::kMin;
  return BadAttribute("reduction must be none, add, mul, max or min");
}

absl::StatusOr<Tensor> CopyOf(const Tensor& x, Outputs& outputs) {
  if (SizeOf(x.dtype()) == 0) return BadType(x, "a type of fixed size");
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), x.shape()));
  std::memcpy(out.mutable_raw(), x.raw(), x.bytes());
  return out;
}

// The next `slice` updates go to each offset in turn.
template <typename Op, typename T>
void Fold(const std::vector<int64_t>& offsets, int64_t slice, const T* updates, T* y) {
  for (const int64_t offset : offsets) {
    for (int64_t i = 0; i < slice; ++i) y[offset + i] = Op::Of(y[offset + i], updates[i]);
    updates += slice;
  }
}

absl::Status Scatter(Reduction reduction, const Tensor& x, const std::vector<int64_t>& offsets, int64_t slice,
                     const Tensor& updates, Outputs& outputs) {
  RETURN_IF_ERROR(RequireSameType(x, updates));
  ASSIGN_OR_RETURN(Tensor out, CopyOf(x, outputs));
  if (updates.size() > 0 && reduction == Reduction::kNone) {
    RETURN_IF_ERROR(ForWidth(x.dtype(), [&]<typename T>(Type<T>) {
      const T* from = ElementsOf<T>(updates);
      T* to = MutableElementsOf<T>(out);
      for (const int64_t offset : offsets) {
        std::memcpy(to + offset, from, static_cast<size_t>(slice) * sizeof(T));
        from += slice;
      }
      return absl::OkStatus();
    }));
  } else if (updates.size() > 0) {
    RETURN_IF_ERROR(ForType(x, AllTypes(), [&]<typename T>(Type<T>) {
      const T* from = updates.data<T>();
      T* to = out.mutable_data<T>();
      if (reduction == Reduction::kAdd) Fold<AddOp>(offsets, slice, from, to);
      if (reduction == Reduction::kMul) Fold<MulOp>(offsets, slice, from, to);
      if (reduction == Reduction::kMax) Fold<MaxOp>(offsets, slice, from, to);
      if (reduction == Reduction::kMin) Fold<MinOp>(offsets, slice, from, to);
      return absl::OkStatus();
    }));
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeScatterElements(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  ASSIGN_OR_RETURN(const Reduction reduction, ReductionOf(context.node));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    if (inputs[1]->shape() != inputs[2]->shape()) {
      return BadShape("the indices and updates of ScatterElements differ in shape");
    }
    ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, OffsetsAlongAxis(*inputs[1], x.shape(), axis));
    return Scatter(reduction, x, offsets, 1, *inputs[2], outputs);
  });
}

Maker MakeScatterNd(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Reduction reduction, ReductionOf(context.node));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    const Tensor& x = *inputs[0];
    const Tensor& indices = *inputs[1];
    ASSIGN_OR_RETURN(const SliceOffsets slices, OffsetsOfSlices(indices, x.shape(), 0));
    Shape shape(indices.shape().begin(), indices.shape().end() - 1);
    shape.insert(shape.end(), slices.slice_shape.begin(), slices.slice_shape.end());
    if (inputs[2]->shape() != shape) {
      return BadShape(absl::StrCat("the updates of ScatterND have shape ", ShapeString(inputs[2]->shape()),
                                   ", not ", ShapeString(shape)));
    }
    return Scatter(reduction, x, slices.offsets, slices.slice, *inputs[2], outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"Scatter", 9, &MakeScatterElements, "", Takes::kFloats},
    {"ScatterElements", 11, &MakeScatterElements, "", Takes::kFloats},
    {"ScatterND", 11, &MakeScatterNd, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> ScatterKernels() { return kEntries; }

}  // namespace quantd::cpu
