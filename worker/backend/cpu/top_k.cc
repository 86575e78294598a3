// TopK: the k largest or smallest elements along an axis, with their indices.
//
// Of equal elements the one that comes first wins. A NaN counts as the largest number. The result is sorted whether or not
// the node asks for it: "unsorted" leaves the order open.
#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/element_types.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

template <typename T>
bool IsBelow(T a, T b) {
  return a < b || (a == a && b != b);
}

// A view of a tensor along one axis: `outer` times `inner` lines of `extent` elements, `inner` elements apart.
struct Lines {
  int64_t outer = 1;
  int64_t extent = 0;
  int64_t inner = 1;
};

template <typename T>
void Select(const T* x, const Lines& lines, int64_t k, bool largest, T* values, int64_t* indices) {
  std::vector<T> line(static_cast<size_t>(lines.extent));
  std::vector<int64_t> order(line.size());
  const auto before = [&](int64_t a, int64_t b) {
    const T p = line[static_cast<size_t>(a)], q = line[static_cast<size_t>(b)];
    if (largest ? IsBelow(q, p) : IsBelow(p, q)) return true;
    if (largest ? IsBelow(p, q) : IsBelow(q, p)) return false;
    return a < b;
  };
  for (int64_t l = 0; l < lines.outer * lines.inner; ++l) {
    const int64_t outer = l / lines.inner, inner = l % lines.inner;
    const T* from = x + outer * lines.extent * lines.inner + inner;
    for (size_t i = 0; i < line.size(); ++i) line[i] = from[static_cast<int64_t>(i) * lines.inner];
    std::iota(order.begin(), order.end(), 0);
    // All of the order's ties are broken, so that which elements come first does not depend on the library.
    if (k < lines.extent) std::nth_element(order.begin(), order.begin() + k, order.end(), before);
    std::sort(order.begin(), order.begin() + k, before);
    const int64_t to = outer * k * lines.inner + inner;
    for (int64_t i = 0; i < k; ++i) {
      const int64_t index = order[static_cast<size_t>(i)];
      values[to + i * lines.inner] = line[static_cast<size_t>(index)];
      indices[to + i * lines.inner] = index;
    }
  }
}

absl::Status TopK(const Tensor& x, int64_t attribute, int64_t k, bool largest, Outputs& outputs) {
  ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
  Lines lines{.extent = x.dim(axis)};
  for (size_t i = 0; i < axis; ++i) lines.outer *= x.dim(i);
  for (size_t i = axis + 1; i < x.rank(); ++i) lines.inner *= x.dim(i);
  if (k < 0 || k > lines.extent) {
    return BadShape(absl::StrCat("TopK of ", k, " elements out of ", lines.extent));
  }
  Shape shape = x.shape();
  shape[axis] = k;
  return ForType(x, NumericTypes(), [&]<typename T>(Type<T>) -> absl::Status {
    ASSIGN_OR_RETURN(Tensor values, outputs.Make(x.dtype(), shape));
    ASSIGN_OR_RETURN(Tensor indices, outputs.Make(DataType::kInt64, shape));
    if (values.size() > 0) {
      Select(x.data<T>(), lines, k, largest, values.mutable_data<T>(), indices.mutable_data<int64_t>());
    }
    outputs[0] = std::move(values);
    if (outputs.size() > 1) outputs[1] = std::move(indices);
    return absl::OkStatus();
  });
}

Maker MakeTopKAttribute(const KernelContext& context) {
  const int64_t k = context.node.Int("k", -1);
  if (k < 0) return BadAttribute("TopK needs k");
  const int64_t axis = context.node.Int("axis", -1);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return TopK(*inputs[0], axis, k, true, outputs);
  });
}

Maker MakeTopKInput(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", -1);
  const bool largest = context.node.Int("largest", 1) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    ASSIGN_OR_RETURN(const std::vector<int64_t> k, Integers(*inputs[1]));
    if (k.size() != 1) return BadShape("k of TopK must be one number");
    return TopK(*inputs[0], axis, k[0], largest, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"TopK", 1, &MakeTopKAttribute, "", Takes::kFloats},
    {"TopK", 10, &MakeTopKInput, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> TopKKernels() { return kEntries; }

}  // namespace quantd::cpu
