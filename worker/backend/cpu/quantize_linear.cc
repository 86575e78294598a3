// QuantizeLinear and DequantizeLinear, per tensor and per axis.
//
// y = saturate(round_half_even(x / scale) + zero_point), divided and rounded in float32 as ONNX Runtime's reference
// kernels do, so that codes agree bit for bit.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// How a tensor is cut along the axis of its scales: outer x channels x inner.
struct Cut {
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 1;
};

absl::StatusOr<Cut> CutAlong(const Tensor& x, const Inputs& inputs, int64_t axis_attribute) {
  RETURN_IF_ERROR(RequireFloat(inputs, 1));
  const Tensor& scale = *inputs[1];
  if (inputs.size() > 2 && inputs[2] != nullptr && inputs[2]->size() != scale.size()) {
    return BadShape("scale and zero point must have the same shape");
  }
  if (scale.size() == 1 && scale.rank() <= 1) return Cut{.inner = x.size()};
  if (scale.rank() != 1) return BadShape("only per-tensor and per-axis scales are supported");
  ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, x.rank()));
  if (x.dim(axis) != scale.size()) {
    return BadShape(absl::StrCat("axis ", axis, " of ", ShapeString(x.shape()), " and ", scale.size(),
                                 " scales do not fit"));
  }
  Cut cut{.channels = scale.size()};
  for (size_t i = 0; i < axis; ++i) cut.outer *= x.dim(i);
  for (size_t i = axis + 1; i < x.rank(); ++i) cut.inner *= x.dim(i);
  return cut;
}

template <typename T>
void QuantizeSpan(const float* x, int64_t n, float scale, int32_t zero_point, T* y) {
  const size_t count = static_cast<size_t>(n);
  if constexpr (std::is_same_v<T, uint8_t>) return Kernels().quantize_u8(x, count, scale, zero_point, y);
  if constexpr (std::is_same_v<T, int8_t>) return Kernels().quantize_s8(x, count, scale, zero_point, y);
  // Codes of at most 16 bits are exact in float32, so the limits can be applied before the conversion.
  const float lo = static_cast<float>(std::numeric_limits<T>::min() - zero_point);
  const float hi = static_cast<float>(std::numeric_limits<T>::max() - zero_point);
  for (int64_t i = 0; i < n; ++i) {
    const float rounded = std::nearbyintf(x[i] / scale);
    // The order of the comparisons sends NaN to the lower limit instead of into an undefined conversion.
    const float limited = rounded > lo ? (rounded < hi ? rounded : hi) : lo;
    y[i] = static_cast<T>(static_cast<int32_t>(limited) + zero_point);
  }
}

template <typename T>
void DequantizeSpan(const T* x, int64_t n, float scale, int64_t zero_point, float* y) {
  const size_t count = static_cast<size_t>(n);
  const int32_t zero = static_cast<int32_t>(zero_point);
  if constexpr (std::is_same_v<T, uint8_t>) return Kernels().dequantize_u8(x, count, scale, zero, y);
  if constexpr (std::is_same_v<T, int8_t>) return Kernels().dequantize_s8(x, count, scale, zero, y);
  for (int64_t i = 0; i < n; ++i) {
    y[i] = static_cast<float>(static_cast<int64_t>(x[i]) - zero_point) * scale;
  }
}

template <typename T>
absl::Status Quantize(const Inputs& inputs, int64_t axis, Outputs& outputs) {
  ASSIGN_OR_RETURN(const Cut cut, CutAlong(*inputs[0], inputs, axis));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataTypeOf<T>::value, inputs[0]->shape()));
  const bool has_zero_point = inputs.size() > 2 && inputs[2] != nullptr;
  for (int64_t block = 0; cut.inner > 0 && block < cut.outer * cut.channels; ++block) {
    const int64_t c = block % cut.channels;
    QuantizeSpan<T>(inputs[0]->data<float>() + block * cut.inner, cut.inner,
                    inputs[1]->data<float>()[c], has_zero_point ? inputs[2]->data<T>()[c] : 0,
                    out.mutable_data<T>() + block * cut.inner);
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

template <typename T>
absl::Status Dequantize(const Inputs& inputs, int64_t axis, Outputs& outputs) {
  ASSIGN_OR_RETURN(const Cut cut, CutAlong(*inputs[0], inputs, axis));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, inputs[0]->shape()));
  const bool has_zero_point = inputs.size() > 2 && inputs[2] != nullptr;
  if (has_zero_point && inputs[2]->dtype() != DataTypeOf<T>::value) {
    return BadType(*inputs[2], DataTypeName(DataTypeOf<T>::value) + " like the codes");
  }
  for (int64_t block = 0; cut.inner > 0 && block < cut.outer * cut.channels; ++block) {
    const int64_t c = block % cut.channels;
    const float scale = inputs[1]->data<float>()[c];
    const int64_t zero_point = has_zero_point ? inputs[2]->data<T>()[c] : 0;
    const T* x = inputs[0]->data<T>() + block * cut.inner;
    float* y = out.mutable_data<float>() + block * cut.inner;
    DequantizeSpan(x, cut.inner, scale, zero_point, y);
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeQuantize(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", 1);
  return MakeKernelFrom([axis](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const bool has_zero_point = inputs.size() > 2 && inputs[2] != nullptr;
    switch (has_zero_point ? inputs[2]->dtype() : DataType::kUint8) {
      case DataType::kUint8: return Quantize<uint8_t>(inputs, axis, outputs);
      case DataType::kInt8: return Quantize<int8_t>(inputs, axis, outputs);
      case DataType::kUint16: return Quantize<uint16_t>(inputs, axis, outputs);
      case DataType::kInt16: return Quantize<int16_t>(inputs, axis, outputs);
      default: return BadType(*inputs[2], "uint8, int8, uint16 or int16");
    }
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeDequantize(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", 1);
  return MakeKernelFrom([axis](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    switch (inputs[0]->dtype()) {
      case DataType::kUint8: return Dequantize<uint8_t>(inputs, axis, outputs);
      case DataType::kInt8: return Dequantize<int8_t>(inputs, axis, outputs);
      case DataType::kUint16: return Dequantize<uint16_t>(inputs, axis, outputs);
      case DataType::kInt16: return Dequantize<int16_t>(inputs, axis, outputs);
      case DataType::kInt32: return Dequantize<int32_t>(inputs, axis, outputs);
      default: return BadType(*inputs[0], "uint8, int8, uint16, int16 or int32");
    }
  });
}

constexpr KernelEntry kEntries[] = {
    {"QuantizeLinear", 10, &MakeQuantize},
    {"DequantizeLinear", 10, &MakeDequantize},
};

}  // namespace

std::span<const KernelEntry> QuantizeLinearKernels() { return kEntries; }

}  // namespace quantd::cpu
