// Operators whose result is as long as some elements are true.
#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/element_types.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// One row an axis, one column an element that is not zero, in row-major order. A scalar has no axis, and thus no row.
absl::Status RunNonZero(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 1));
  const Tensor& x = *inputs[0];
  return ForType(x, AllTypes(), [&]<typename T>(Type<T>) -> absl::Status {
    const T* values = x.data<T>();
    int64_t count = 0;
    for (int64_t i = 0; i < x.size(); ++i) count += values[i] != T(0) ? 1 : 0;
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kInt64, {static_cast<int64_t>(x.rank()), count}));
    int64_t* y = out.mutable_data<int64_t>();
    std::vector<int64_t> position(x.rank(), 0);
    for (int64_t i = 0, column = 0; i < x.size(); ++i) {
      if (values[i] != T(0)) {
        for (size_t axis = 0; axis < x.rank(); ++axis) {
          y[static_cast<int64_t>(axis) * count + column] = position[axis];
        }
        ++column;
      }
      for (size_t axis = x.rank(); axis-- > 0;) {
        if (++position[axis] < x.dim(axis)) break;
        position[axis] = 0;
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeNonZero(const KernelContext&) { return MakeKernelFrom(&RunNonZero); }

// The entries of an axis (without one: of the flattened tensor) whose condition is true. The condition may be shorter than
// the axis.
absl::Status Compress(const Tensor& x, const Tensor& condition, bool flat, int64_t attribute, Outputs& outputs) {
  if (condition.dtype() != DataType::kBool) return BadType(condition, "bool");
  if (condition.rank() != 1) return BadShape("the condition of Compress must have one axis");
  size_t axis = 0;
  Shape shape = {x.size()};
  if (!flat) {
    ASSIGN_OR_RETURN(axis, NormalizeAxis(attribute, x.rank()));
    shape = x.shape();
  }
  const int64_t extent = shape[axis];
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < condition.size(); ++i) {
    if (!condition.data<bool>()[i]) continue;
    if (i >= extent) return BadIndex(absl::StrCat("condition ", i, " of Compress is beyond the extent ", extent));
    chosen.push_back(i);
  }
  int64_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  const size_t entry = x.size() == 0 ? 0 : x.bytes() / static_cast<size_t>(outer * extent);
  shape[axis] = static_cast<int64_t>(chosen.size());
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), shape));
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(out.mutable_raw());
  for (int64_t o = 0; out.size() > 0 && o < outer; ++o) {
    for (const int64_t i : chosen) {
      std::memcpy(to, from + static_cast<size_t>(o * extent + i) * entry, entry);
      to += entry;
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeCompress(const KernelContext& context) {
  const bool flat = !context.node.Has("axis");
  const int64_t axis = context.node.Int("axis", 0);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    if (SizeOf(inputs[0]->dtype()) == 0) return BadType(*inputs[0], "a type of fixed size");
    return Compress(*inputs[0], *inputs[1], flat, axis, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"NonZero", 9, &MakeNonZero, "", Takes::kFloats},
    {"Compress", 9, &MakeCompress, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> SelectKernels() { return kEntries; }

}  // namespace quantd::cpu
