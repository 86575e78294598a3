// PRelu and Hardmax.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

// Negative values times a slope. Integers wrap around, as in the element-wise product.
template <typename T>
void PReluRows(const Tensor& x, const Tensor& slope, const Shape& slope_shape, Tensor& out) {
  Shape walked = x.shape();
  if (walked.empty()) walked.push_back(1);
  const std::vector<int64_t> own = RowMajorStrides(walked);
  const std::vector<int64_t> factors = BroadcastStrides(slope_shape, walked);
  const int64_t step = factors.back(), n = walked.back();
  ForEachRow(walked, {own, factors}, [&](const std::vector<int64_t>& at) {
    const T* from = x.data<T>() + at[0];
    const T* factor = slope.data<T>() + at[1];
    T* to = out.mutable_data<T>() + at[0];
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        to[i] = from[i] < 0 ? from[i] * factor[i * step] : from[i];
      } else {
        to[i] = from[i] < 0 ? static_cast<T>(static_cast<uint64_t>(from[i]) * static_cast<uint64_t>(factor[i * step]))
                            : from[i];
      }
    }
  });
}

// In opset 6 a slope of one axis is one value a channel; since 7 it is broadcast like any other operand.
template <bool kPerChannel>
absl::Status RunPRelu(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  const Tensor& x = *inputs[0];
  const Tensor& slope = *inputs[1];
  if (slope.dtype() != x.dtype()) return BadType(slope, DataTypeName(x.dtype()));
  Shape slope_shape = slope.shape();
  if (kPerChannel && slope.rank() == 1 && x.rank() > 2) slope_shape.insert(slope_shape.end(), x.rank() - 2, 1);
  const absl::StatusOr<Shape> together = BroadcastShape(slope_shape, x.shape());
  if (!together.ok() || *together != x.shape()) {
    return BadShape(absl::StrCat("a slope of shape ", ShapeString(slope.shape()), " cannot be broadcast to ",
                                 ShapeString(x.shape())));
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(x.dtype(), x.shape()));
  switch (x.dtype()) {
    case DataType::kFloat: PReluRows<float>(x, slope, slope_shape, out); break;
    case DataType::kInt32: PReluRows<int32_t>(x, slope, slope_shape, out); break;
    case DataType::kInt64: PReluRows<int64_t>(x, slope, slope_shape, out); break;
    case DataType::kUint32: PReluRows<uint32_t>(x, slope, slope_shape, out); break;
    case DataType::kUint64: PReluRows<uint64_t>(x, slope, slope_shape, out); break;
    default: return BadType(x, "a float, or an integer of 32 or 64 bits");
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <bool kPerChannel>
Maker MakePRelu(const KernelContext&) {
  return MakeKernelFrom(&RunPRelu<kPerChannel>);
}

// 1 at the first of the largest values, 0 elsewhere. Until opset 12 the tensor is a matrix split at `axis`.
template <bool kMatrix>
Maker MakeHardmax(const KernelContext& context) {
  const int64_t axis_attribute = context.node.Int("axis", kMatrix ? 1 : -1);
  return MakeKernelFrom([axis_attribute](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, std::max<size_t>(x.rank(), 1)));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    std::fill_n(out.mutable_data<float>(), out.size(), 0.0f);
    int64_t n = x.rank() == 0 ? 1 : x.dim(axis), inner = 1;
    for (size_t i = axis + 1; i < x.rank(); ++i) (kMatrix ? n : inner) *= x.dim(i);
    const int64_t vectors = x.size() == 0 ? 0 : x.size() / n;
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t begin = v / inner * n * inner + v % inner;
      const float* values = x.data<float>() + begin;
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i) {
        if (values[i * inner] > values[best * inner]) best = i;
      }
      out.mutable_data<float>()[begin + best * inner] = 1;
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"PRelu", 1, &MakePRelu<true>},
    {"PRelu", 7, &MakePRelu<false>},
    {"Hardmax", 1, &MakeHardmax<true>},
    {"Hardmax", 13, &MakeHardmax<false>},
};

}  // namespace

std::span<const KernelEntry> PReluKernels() { return kEntries; }

}  // namespace quantd::cpu
