// Operators that keep, turn or blank a part of each axis.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/strided_copy.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

struct SliceRange {
  int64_t start;
  int64_t step;
  int64_t count;
};

// Python's slicing of one axis; ends beyond it are clamped.
absl::StatusOr<SliceRange> ResolveSlice(int64_t start, int64_t end, int64_t step, int64_t extent) {
  if (step == 0 || step == std::numeric_limits<int64_t>::min()) {
    return BadAttribute("the step of Slice is out of range");
  }
  const auto from_end = [extent](int64_t at) { return at < 0 ? std::max(at, -extent - 1) + extent : at; };
  start = from_end(start);
  end = from_end(end);
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    return SliceRange{start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  // Of an empty axis there is nothing to turn.
  if (extent == 0) return SliceRange{0, step, 0};
  start = std::clamp<int64_t>(start, -1, extent - 1);
  end = std::clamp<int64_t>(end, -1, extent - 1);
  return SliceRange{start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

absl::Status Slice(const Tensor& x, const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
                   std::vector<int64_t> axes, std::vector<int64_t> steps, Outputs& outputs) {
  if (axes.empty()) {
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    return BadShape("starts, ends, axes and steps of Slice differ in length");
  }
  Shape shape = x.shape();
  std::vector<int64_t> strides = RowMajorStrides(shape);
  std::vector<bool> used(x.rank(), false);
  int64_t begin = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], x.rank()));
    if (used[axis]) return BadAttribute("Slice names an axis twice");
    used[axis] = true;
    ASSIGN_OR_RETURN(const SliceRange range, ResolveSlice(starts[i], ends[i], steps[i], x.dim(axis)));
    shape[axis] = range.count;
    if (range.count > 0) begin += range.start * strides[axis];
    // A stride is used only between elements; with a single one a huge step would overflow.
    if (range.count > 1) strides[axis] *= range.step;
  }
  ASSIGN_OR_RETURN(outputs[0], CopyStrided(x, begin, shape, strides, outputs));
  return absl::OkStatus();
}

Maker MakeSliceAttributes(const KernelContext& context) {
  const std::vector<int64_t> starts = context.node.Ints("starts"), ends = context.node.Ints("ends");
  const std::vector<int64_t> axes = context.node.Ints("axes");
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return Slice(*inputs[0], starts, ends, axes, {}, outputs);
  });
}

Maker MakeSliceInputs(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    std::vector<int64_t> lists[4];
    for (size_t i = 0; i < 4; ++i) {
      if (i + 1 >= inputs.size() || inputs[i + 1] == nullptr) continue;
      ASSIGN_OR_RETURN(lists[i], Integers(*inputs[i + 1]));
    }
    return Slice(*inputs[0], lists[0], lists[1], lists[2], lists[3], outputs);
  });
}

// Turns the first lengths[b] steps of time of each sequence b; the rest stays.
absl::Status ReverseSequence(const Tensor& x, const std::vector<int64_t>& lengths, bool batch_first,
                             Outputs& outputs) {
  if (x.rank() < 2) return BadShape("ReverseSequence needs an axis of time and one of batches");
  const int64_t batch = x.dim(batch_first ? 0 : 1), time = x.dim(batch_first ? 1 : 0);
  if (static_cast<int64_t>(lengths.size()) != batch) {
    return BadShape(absl::StrCat("ReverseSequence has ", lengths.size(), " lengths for ", batch, " sequences"));
  }
  for (const int64_t length : lengths) {
    if (length < 0 || length > time) return BadIndex(absl::StrCat("length ", length, " of a sequence is out of range"));
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), x.shape()));
  if (out.size() > 0) {
    const size_t step = out.bytes() / static_cast<size_t>(batch * time);
    const char* from = static_cast<const char*>(x.raw());
    char* to = static_cast<char*>(out.mutable_raw());
    const auto place = [&](int64_t b, int64_t t) {
      return static_cast<size_t>(batch_first ? b * time + t : t * batch + b) * step;
    };
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t length = lengths[static_cast<size_t>(b)];
      for (int64_t t = 0; t < time; ++t) {
        std::memcpy(to + place(b, t), from + place(b, t < length ? length - 1 - t : t), step);
      }
    }
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

Maker MakeReverseSequence(const KernelContext& context) {
  const int64_t batch_axis = context.node.Int("batch_axis", 1);
  const int64_t time_axis = context.node.Int("time_axis", 0);
  if (std::min(batch_axis, time_axis) != 0 || std::max(batch_axis, time_axis) != 1) {
    return BadAttribute("batch_axis and time_axis of ReverseSequence must be 0 and 1");
  }
  return MakeKernelFrom([batch_axis](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    ASSIGN_OR_RETURN(const std::vector<int64_t> lengths, Integers(*inputs[1]));
    return ReverseSequence(*inputs[0], lengths, batch_axis == 0, outputs);
  });
}

// Of each matrix keeps the columns j of row i with j - i >= k (upper) or <= k; the rest becomes zero.
Maker MakeTrilu(const KernelContext& context) {
  const bool upper = context.node.Int("upper", 1) != 0;
  return MakeKernelFrom([upper](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    const Tensor& x = *inputs[0];
    if (x.rank() < 2) return BadShape("Trilu needs matrices");
    const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
    int64_t diagonal = 0;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(const std::vector<int64_t> k, Integers(*inputs[1]));
      if (k.size() != 1) return BadShape("the diagonal of Trilu must be a scalar");
      diagonal = std::clamp(k[0], -rows, columns);
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), x.shape()));
    const size_t width = SizeOf(x.dtype());
    const char* from = static_cast<const char*>(x.raw());
    char* to = static_cast<char*>(out.mutable_raw());
    const int64_t all_rows = x.size() == 0 ? 0 : x.size() / columns;
    for (int64_t row = 0; row < all_rows; ++row) {
      // Columns from `edge` on are the upper part.
      const int64_t edge = std::clamp<int64_t>(row % rows + diagonal + (upper ? 0 : 1), 0, columns);
      const size_t left = static_cast<size_t>(edge) * width;
      const size_t right = static_cast<size_t>(columns - edge) * width;
      const size_t at = static_cast<size_t>(row * columns) * width;
      if (upper) {
        std::memset(to + at, 0, left);
        std::memcpy(to + at + left, from + at + left, right);
      } else {
        std::memcpy(to + at, from + at, left);
        std::memset(to + at + left, 0, right);
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Slice", 1, &MakeSliceAttributes, "", Takes::kNumbers},
    {"Slice", 10, &MakeSliceInputs, "", Takes::kNumbers},
    {"ReverseSequence", 10, &MakeReverseSequence, "", Takes::kNumbers},
    {"Trilu", 14, &MakeTrilu, "", Takes::kNumbers},
};

}  // namespace

std::span<const KernelEntry> SliceKernels() { return kEntries; }

}  // namespace quantd::cpu
