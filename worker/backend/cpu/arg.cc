// ArgMax and ArgMin: where along an axis the largest or smallest element stands. As in NumPy a NaN is both.
#include <vector>

#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/element_types.h"

namespace quantd::cpu {
namespace {

// Whether `value` takes the place of `best`, which came before it.
template <bool kMax, typename T>
bool Wins(T value, T best, bool last) {
  if (best != best) return last && value != value;
  if (value != value) return true;
  return (kMax ? value > best : value < best) || (last && value == best);
}

// The lines of one block of `extent` entries of `inner` elements, side by side.
template <bool kMax, typename T>
void FindBest(const T* x, int64_t extent, int64_t inner, bool last, int64_t* y) {
  std::vector<T> best(x, x + inner);
  std::fill(y, y + inner, 0);
  for (int64_t i = 1; i < extent; ++i) {
    const T* entry = x + i * inner;
    for (int64_t j = 0; j < inner; ++j) {
      if (!Wins<kMax>(entry[j], static_cast<T>(best[static_cast<size_t>(j)]), last)) continue;
      best[static_cast<size_t>(j)] = entry[j];
      y[j] = i;
    }
  }
}

template <bool kMax>
absl::StatusOr<std::unique_ptr<Kernel>> MakeArg(const KernelContext& context) {
  const int64_t attribute = context.node.Int("axis", 0);
  const bool keep_axis = context.node.Int("keepdims", 1) != 0;
  const bool last = context.node.Int("select_last_index", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, x.rank()));
    const int64_t extent = x.dim(axis);
    if (extent == 0) return BadShape("ArgMax or ArgMin over nothing");
    int64_t inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
    Shape shape = x.shape();
    shape[axis] = 1;
    if (!keep_axis) shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
    return ForType(x, NumericTypes(), [&]<typename T>(Type<T>) -> absl::Status {
      ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kInt64, shape));
      int64_t* y = out.mutable_data<int64_t>();
      for (int64_t at = 0; at < x.size(); at += extent * inner, y += inner) {
        FindBest<kMax>(x.data<T>() + at, extent, inner, last, y);
      }
      outputs[0] = std::move(out);
      return absl::OkStatus();
    });
  });
}

constexpr KernelEntry kEntries[] = {
    {"ArgMax", 1, &MakeArg<true>, "", Takes::kFloats},
    {"ArgMin", 1, &MakeArg<false>, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> ArgKernels() { return kEntries; }

}  // namespace quantd::cpu
