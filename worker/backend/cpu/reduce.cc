// Reductions along axes, and ArgMax/ArgMin.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

enum class Reduction { kSum, kMean, kMax, kMin, kProd, kL2 };

double Start(Reduction kind) {
  if (kind == Reduction::kMax) return -std::numeric_limits<double>::infinity();
  if (kind == Reduction::kMin) return std::numeric_limits<double>::infinity();
  return kind == Reduction::kProd ? 1 : 0;
}

double Combine(Reduction kind, double sum, double x) {
  switch (kind) {
    case Reduction::kMax: return std::max(sum, x);
    case Reduction::kMin: return std::min(sum, x);
    case Reduction::kProd: return sum * x;
    case Reduction::kL2: return sum + x * x;
    default: return sum + x;
  }
}

double Finish(Reduction kind, double sum, int64_t count) {
  if (kind == Reduction::kMean) return sum / static_cast<double>(count);
  return kind == Reduction::kL2 ? std::sqrt(sum) : sum;
}

// The doubles hold integers up to 2^53 exactly, which covers the shape arithmetic that integers are reduced for.
template <typename T>
absl::Status Reduce(Reduction kind, const Tensor& x, const std::vector<bool>& reduced, bool keep_axes,
                    Tensor& result) {
  Shape kept, shape;
  int64_t count = 1;
  for (size_t i = 0; i < x.rank(); ++i) {
    kept.push_back(reduced[i] ? 1 : x.dim(i));
    if (!reduced[i] || keep_axes) shape.push_back(kept.back());
    if (reduced[i]) count *= x.dim(i);
  }
  Tensor out(x.dtype(), shape);
  std::vector<double> sums(static_cast<size_t>(out.size()), Start(kind));
  if (x.rank() == 0) {
    sums[0] = Combine(kind, sums[0], static_cast<double>(x.data<T>()[0]));
  } else {
    const std::vector<int64_t> to = BroadcastStrides(kept, x.shape());
    const int64_t n = x.shape().back();
    ForEachRow(x.shape(), {RowMajorStrides(x.shape()), to}, [&](const std::vector<int64_t>& at) {
      for (int64_t i = 0; i < n; ++i) {
        double& sum = sums[static_cast<size_t>(at[1] + i * to.back())];
        sum = Combine(kind, sum, static_cast<double>(x.data<T>()[at[0] + i]));
      }
    });
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    const double result_i = Finish(kind, sums[i], count);
    if constexpr (std::is_integral_v<T>) {
      out.mutable_data<T>()[i] = Saturated<T>(result_i);
    } else {
      out.mutable_data<T>()[i] = static_cast<T>(result_i);
    }
  }
  result = std::move(out);
  return absl::OkStatus();
}

template <Reduction kKind>
absl::StatusOr<std::unique_ptr<Kernel>> MakeReduce(const KernelContext& context) {
  const std::vector<int64_t> attribute = context.node.Ints("axes");
  const bool keep_axes = context.node.Int("keepdims", 1) != 0;
  const bool noop_when_empty = context.node.Int("noop_with_empty_axes", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    std::vector<int64_t> axes = attribute;
    if (inputs.size() > 1 && inputs[1] != nullptr) {
      ASSIGN_OR_RETURN(axes, Integers(*inputs[1]));
    }
    const Tensor& x = *inputs[0];
    if (axes.empty() && noop_when_empty) {
      outputs[0] = x;
      return absl::OkStatus();
    }
    std::vector<bool> reduced(x.rank(), axes.empty());
    for (const int64_t axis : axes) {
      ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, x.rank()));
      reduced[normal] = true;
    }
    if (x.dtype() == DataType::kFloat) return Reduce<float>(kKind, x, reduced, keep_axes, outputs[0]);
    if (x.size() == 0) return BadShape("a reduction of integers over nothing");
    if (x.dtype() == DataType::kInt64) return Reduce<int64_t>(kKind, x, reduced, keep_axes, outputs[0]);
    if (x.dtype() == DataType::kInt32) return Reduce<int32_t>(kKind, x, reduced, keep_axes, outputs[0]);
    return BadType(x, "float, int32 or int64");
  });
}

template <bool kMax>
absl::StatusOr<std::unique_ptr<Kernel>> MakeArg(const KernelContext& context) {
  const int64_t axis_attribute = context.node.Int("axis", 0);
  const bool keep_axis = context.node.Int("keepdims", 1) != 0;
  const bool last = context.node.Int("select_last_index", 0) != 0;
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, x.rank()));
    const int64_t n = x.dim(axis);
    if (n == 0) return BadShape("ArgMax over nothing");
    int64_t inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
    Shape shape = x.shape();
    shape[axis] = 1;
    if (!keep_axis) shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
    Tensor out(DataType::kInt64, shape);
    for (int64_t at = 0; at < out.size(); ++at) {
      const float* values = x.data<float>() + at / inner * n * inner + at % inner;
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i) {
        const float v = values[i * inner], b = values[best * inner];
        if ((kMax ? v > b : v < b) || (last && v == b)) best = i;
      }
      out.mutable_data<int64_t>()[at] = best;
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"ReduceSum", 1, &MakeReduce<Reduction::kSum>},   {"ReduceMean", 1, &MakeReduce<Reduction::kMean>},
    {"ReduceMax", 1, &MakeReduce<Reduction::kMax>},   {"ReduceMin", 1, &MakeReduce<Reduction::kMin>},
    {"ReduceProd", 1, &MakeReduce<Reduction::kProd>}, {"ReduceL2", 1, &MakeReduce<Reduction::kL2>},
    {"ArgMax", 1, &MakeArg<true>},                    {"ArgMin", 1, &MakeArg<false>},
};

}  // namespace

std::span<const KernelEntry> ReduceKernels() { return kEntries; }

}  // namespace quantd::cpu
