// Operators that repeat a tensor along axes.
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/strided_copy.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

absl::Status RunExpand(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  ASSIGN_OR_RETURN(const Shape wanted, Integers(*inputs[1]));
  RETURN_IF_ERROR(CheckedElementCount(wanted).status());
  ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(inputs[0]->shape(), wanted));
  RETURN_IF_ERROR(CheckedElementCount(shape).status());
  const std::vector<int64_t> strides = BroadcastStrides(inputs[0]->shape(), shape);
  ASSIGN_OR_RETURN(outputs[0], CopyStrided(*inputs[0], 0, shape, strides, outputs));
  return absl::OkStatus();
}

Maker MakeExpand(const KernelContext&) { return MakeKernelFrom(&RunExpand); }

// The tensor as one of twice the rank: an axis of stride 0 for the repetitions before each axis of its own.
absl::Status Tile(const Tensor& x, const std::vector<int64_t>& repeats, Outputs& outputs) {
  Shape shape, interleaved;
  std::vector<int64_t> strides;
  const std::vector<int64_t> own = RowMajorStrides(x.shape());
  for (size_t i = 0; i < x.rank(); ++i) {
    int64_t extent;
    if (repeats[i] < 0 || __builtin_mul_overflow(repeats[i], x.dim(i), &extent)) {
      return BadShape(absl::StrCat("a tensor cannot be repeated ", repeats[i], " times"));
    }
    shape.push_back(extent);
    interleaved.insert(interleaved.end(), {repeats[i], x.dim(i)});
    strides.insert(strides.end(), {0, own[i]});
  }
  RETURN_IF_ERROR(CheckedElementCount(shape).status());
  RETURN_IF_ERROR(CheckedElementCount(interleaved).status());
  ASSIGN_OR_RETURN(const Tensor copy, CopyStrided(x, 0, interleaved, strides, outputs));
  outputs[0] = copy.Reshaped(shape);
  return absl::OkStatus();
}

absl::Status RunTile(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  ASSIGN_OR_RETURN(const std::vector<int64_t> repeats, Integers(*inputs[1]));
  if (repeats.size() != inputs[0]->rank()) return BadShape("Tile needs one number an axis");
  return Tile(*inputs[0], repeats, outputs);
}

Maker MakeTile(const KernelContext&) { return MakeKernelFrom(&RunTile); }

constexpr KernelEntry kEntries[] = {
    {"Expand", 8, &MakeExpand, "", Takes::kNumbers},
    {"Tile", 6, &MakeTile, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> RepeatKernels() { return kEntries; }

}  // namespace quantd::cpu
