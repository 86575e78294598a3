// Unique: the different elements of a tensor, or the different slices along an axis.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/strided_copy.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// Below zero, zero, above. A NaN is above all numbers and equal to itself.
template <typename T>
int Compare(const T* a, const T* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const bool a_is_nan = a[i] != a[i], b_is_nan = b[i] != b[i];
    if (a_is_nan && b_is_nan) continue;
    if (a[i] < b[i] || (!a_is_nan && b_is_nan)) return -1;
    if (a[i] > b[i] || (a_is_nan && !b_is_nan)) return 1;
  }
  return 0;
}

struct Groups {
  std::vector<int64_t> first;    // Of each different item, where it occurs first.
  std::vector<int64_t> counts;   // How often.
  std::vector<int64_t> inverse;  // Of each item, its place among the different ones.
};

// Groups `count` items of `n` elements each.
template <typename T>
Groups GroupItems(const T* items, int64_t count, int64_t n, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return Compare(items + a * n, items + b * n, n) < 0;
  });
  Groups groups;
  groups.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    // The sort is stable: the first of a group comes first in it.
    if (i == 0 || Compare(items + order[i - 1] * n, items + order[i] * n, n) != 0) {
      groups.first.push_back(order[i]);
      groups.counts.push_back(0);
    }
    ++groups.counts.back();
    groups.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(groups.first.size()) - 1;
  }
  if (sorted) return groups;
  // In the order of their first occurrences.
  std::vector<size_t> by_first(groups.first.size());
  std::iota(by_first.begin(), by_first.end(), size_t{0});
  std::sort(by_first.begin(), by_first.end(), [&](size_t a, size_t b) { return groups.first[a] < groups.first[b]; });
  Groups reordered{.inverse = std::move(groups.inverse)};
  std::vector<int64_t> place(by_first.size());
  for (size_t i = 0; i < by_first.size(); ++i) {
    reordered.first.push_back(groups.first[by_first[i]]);
    reordered.counts.push_back(groups.counts[by_first[i]]);
    place[by_first[i]] = static_cast<int64_t>(i);
  }
  for (int64_t& group : reordered.inverse) group = place[static_cast<size_t>(group)];
  return reordered;
}

// The tensor with `axis` moved to the front, or back from there.
absl::StatusOr<Tensor> MoveAxis(const Tensor& x, size_t from, size_t to, Outputs& outputs) {
  Shape shape = x.shape();
  std::vector<int64_t> strides = RowMajorStrides(shape);
  const auto move = [&](std::vector<int64_t>& list) {
    const int64_t moved = list[from];
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(from));
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(to), moved);
  };
  move(shape);
  move(strides);
  return CopyStrided(x, 0, shape, strides, outputs);
}

absl::Status Unique(const Tensor& x, size_t axis, bool sorted, Outputs& outputs) {
  ASSIGN_OR_RETURN(const Tensor items, MoveAxis(x, axis, 0, outputs));
  const int64_t count = items.dim(0);
  const int64_t n = count == 0 ? 0 : items.size() / count;
  // Items without elements are all the same, but there may be more of them than memory for their numbers.
  RETURN_IF_ERROR(CheckedElementCount({count}, std::max<int64_t>(x.size(), 1)).status());
  Groups groups;
  RETURN_IF_ERROR(ForType(items, AllTypes(), [&]<typename T>(Type<T>) {
    groups = GroupItems(items.data<T>(), count, n, sorted);
    return absl::OkStatus();
  }));
  Shape shape = items.shape();
  shape[0] = static_cast<int64_t>(groups.first.size());
  ASSIGN_OR_RETURN(Tensor unique, outputs.Make(x.dtype(), shape));
  const size_t bytes = static_cast<size_t>(n) * SizeOf(x.dtype());
  for (size_t i = 0; i < groups.first.size(); ++i) {
    std::memcpy(static_cast<char*>(unique.mutable_raw()) + i * bytes,
                static_cast<const char*>(items.raw()) + static_cast<size_t>(groups.first[i]) * bytes, bytes);
  }
  ASSIGN_OR_RETURN(outputs[0], MoveAxis(unique, 0, axis, outputs));
  const std::vector<int64_t>* lists[] = {&groups.first, &groups.inverse, &groups.counts};
  for (size_t i = 1; i < std::min<size_t>(outputs.size(), 4); ++i) {
    outputs[i] = Tensor::Of<int64_t>({static_cast<int64_t>(lists[i - 1]->size())}, *lists[i - 1]);
  }
  return absl::OkStatus();
}

Maker MakeUnique(const KernelContext& context) {
  const bool sorted = context.node.Int("sorted", 1) != 0;
  const bool flat = !context.node.Has("axis");
  const int64_t attribute = context.node.Int("axis", 0);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    if (flat) return Unique(inputs[0]->Reshaped({inputs[0]->size()}), 0, sorted, outputs);
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, inputs[0]->rank()));
    return Unique(*inputs[0], axis, sorted, outputs);
  });
}

constexpr KernelEntry kEntries[] = {{"Unique", 11, &MakeUnique, "", Takes::kFloats}};

}  // namespace

std::span<const KernelEntry> UniqueKernels() { return kEntries; }

}  // namespace quantd::cpu
