// QuantizeLinear and DequantizeLinear: per tensor, per axis and in blocks, to and from integers of 2 to 32 bits, float8
// and float4.
//
// y = saturate(round_half_even(x / scale) + zero_point), divided and rounded in float32 as ONNX Runtime's reference
// kernels do, so that codes agree bit for bit. Half-precision tensors are computed in float32 and rounded once at the end.
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/scale_layout.h"
#include "worker/formats/convert_tensor.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

// The inputs of one call, with scales in float32.
struct Operands {
  Tensor x;           // Q: float. DQ: codes as they came.
  Tensor scale;       // float.
  Tensor zero_point;  // Of the codes' type, packed types as bytes; undefined when absent.
  DataType codes = DataType::kUint8;
  ScaleLayout layout;
};

bool IsNarrowFloat(DataType type) {
  const MinifloatFormat* format = FindMinifloat(type);
  return format != nullptr && format->bits() <= 8;
}

bool IsPackedInteger(DataType type) { return IsPacked(type) && !IsNarrowFloat(type); }

// The smallest and largest code. REQUIRES: an integer type of at most 16 bits.
std::pair<int32_t, int32_t> CodeLimits(DataType type) {
  const int bits = BitsOf(type);
  const bool is_signed = type == DataType::kInt2 || type == DataType::kInt4 || type == DataType::kInt8 ||
                         type == DataType::kInt16;
  if (is_signed) return {-(1 << (bits - 1)), (1 << (bits - 1)) - 1};
  return {0, (1 << bits) - 1};
}

bool AllZero(const Tensor& tensor) {
  const Tensor values = ToFloat32(tensor).value();
  for (int64_t i = 0; i < values.size(); ++i) {
    if (values.data<float>()[i] != 0) return false;
  }
  return true;
}

// Reads scale, zero point and layout; `codes` is the type of the codes where no zero point tells it.
absl::StatusOr<Operands> Read(const Inputs& inputs, int64_t axis, int64_t block_size, DataType codes) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  const Tensor& scale = *inputs[1];
  if (scale.dtype() != DataType::kFloat && scale.dtype() != DataType::kFloat16 &&
      scale.dtype() != DataType::kBfloat16) {
    return BadType(scale, "a scale of float, float16 or bfloat16");
  }
  Operands operands{.x = *inputs[0], .codes = codes};
  ASSIGN_OR_RETURN(operands.scale, ToFloat32(scale));
  const bool has_zero_point = inputs.size() > 2 && inputs[2] != nullptr;
  if (has_zero_point) {
    const Tensor& zero_point = *inputs[2];
    if (zero_point.shape() != scale.shape() && !(zero_point.size() == 1 && scale.size() == 1)) {
      return BadShape("scale and zero point must have the same shape");
    }
    if (IsNarrowFloat(zero_point.dtype()) && !AllZero(zero_point)) {
      return BadAttribute("the zero point of floating-point codes must be 0");
    }
    operands.zero_point = IsPackedInteger(zero_point.dtype()) ? UnpackIntegers(zero_point) : zero_point;
  }
  ASSIGN_OR_RETURN(operands.layout, LayoutOfScales(operands.x.shape(), scale.shape(), axis, block_size));
  return operands;
}

// Half-precision results as their type.
absl::StatusOr<Tensor> Narrowed(Tensor result, DataType type) {
  if (type == DataType::kFloat) return result;
  return FromFloat32(result, type, Overflow::kSpecial);
}

template <typename T>
T ZeroPointAt(const Operands& operands, int64_t index) {
  return operands.zero_point.defined() ? operands.zero_point.data<T>()[index] : T(0);
}

// A run under one scale.
template <typename T>
void QuantizeRun(const float* x, int64_t n, float scale, T zero_point, int32_t lowest, int32_t highest, T* y) {
  const bool whole = lowest == std::numeric_limits<T>::min() && highest == std::numeric_limits<T>::max();
  const size_t count = static_cast<size_t>(n);
  if constexpr (std::is_same_v<T, uint8_t>) {
    if (whole) return Kernels().quantize_u8(x, count, scale, zero_point, y);
  }
  if constexpr (std::is_same_v<T, int8_t>) {
    if (whole) return Kernels().quantize_s8(x, count, scale, zero_point, y);
  }
  // Codes of at most 16 bits are exact in float32, so the limits can be applied before the conversion.
  const auto lo = static_cast<float>(lowest - zero_point);
  const auto hi = static_cast<float>(highest - zero_point);
  for (int64_t i = 0; i < n; ++i) {
    const float rounded = std::nearbyintf(x[i] / scale);
    // The order of the comparisons sends NaN to the lower limit instead of into an undefined conversion.
    const float limited = rounded > lo ? (rounded < hi ? rounded : hi) : lo;
    y[i] = static_cast<T>(static_cast<int32_t>(limited) + zero_point);
  }
}

template <typename T>
void DequantizeRun(const T* x, int64_t n, float scale, int64_t zero_point, float* y) {
  const size_t count = static_cast<size_t>(n);
  if constexpr (std::is_same_v<T, uint8_t>) {
    return Kernels().dequantize_u8(x, count, scale, static_cast<int32_t>(zero_point), y);
  }
  if constexpr (std::is_same_v<T, int8_t>) {
    return Kernels().dequantize_s8(x, count, scale, static_cast<int32_t>(zero_point), y);
  }
  for (int64_t i = 0; i < n; ++i) {
    y[i] = static_cast<float>(static_cast<int64_t>(x[i]) - zero_point) * scale;
  }
}

// Steps of a run: whole under one scale, or value by value where each has its own.
template <typename Visit>
void ForEachScale(const ScaleLayout& layout, Visit visit) {
  layout.ForEachRun([&](int64_t begin, int64_t length, int64_t index, int64_t stride) {
    if (stride == 0) return visit(begin, length, index);
    for (int64_t i = 0; i < length; ++i) visit(begin + i, int64_t{1}, index + i * stride);
  });
}

template <typename T>
absl::StatusOr<Tensor> QuantizeTo(const Operands& operands, Outputs& outputs) {
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataTypeOf<T>::value, operands.x.shape()));
  const float* x = operands.x.data<float>();
  const float* scale = operands.scale.data<float>();
  T* y = out.mutable_data<T>();
  const std::pair<int32_t, int32_t> limits = CodeLimits(operands.codes);
  ForEachScale(operands.layout, [&](int64_t begin, int64_t length, int64_t at) {
    QuantizeRun<T>(x + begin, length, scale[at], ZeroPointAt<T>(operands, at), limits.first, limits.second, y + begin);
  });
  return out;
}

absl::StatusOr<Tensor> QuantizeToFloat(const Operands& operands, bool saturate) {
  Tensor quotient(DataType::kFloat, operands.x.shape());
  const float* x = operands.x.data<float>();
  const float* scale = operands.scale.data<float>();
  float* y = quotient.mutable_data<float>();
  operands.layout.ForEachRun([&](int64_t begin, int64_t length, int64_t index, int64_t stride) {
    for (int64_t i = 0; i < length; ++i) y[begin + i] = x[begin + i] / scale[index + i * stride];
  });
  return FromFloat32(quotient, operands.codes, saturate ? Overflow::kSaturate : Overflow::kSpecial);
}

absl::StatusOr<Tensor> Packed(const absl::StatusOr<Tensor>& codes, DataType type) {
  if (!codes.ok()) return codes.status();
  return PackIntegers(*codes, type);
}

absl::StatusOr<Tensor> Quantize(Operands& operands, bool saturate, Outputs& outputs) {
  if (operands.x.dtype() != DataType::kFloat && operands.x.dtype() != DataType::kInt32 &&
      operands.x.dtype() != DataType::kFloat16 && operands.x.dtype() != DataType::kBfloat16) {
    return BadType(operands.x, "float, float16, bfloat16 or int32");
  }
  ASSIGN_OR_RETURN(operands.x, ToFloat32(operands.x));
  switch (operands.codes) {
    case DataType::kUint8: return QuantizeTo<uint8_t>(operands, outputs);
    case DataType::kInt8: return QuantizeTo<int8_t>(operands, outputs);
    case DataType::kUint16: return QuantizeTo<uint16_t>(operands, outputs);
    case DataType::kInt16: return QuantizeTo<int16_t>(operands, outputs);
    case DataType::kUint4:
    case DataType::kUint2:
      return Packed(QuantizeTo<uint8_t>(operands, outputs), operands.codes);
    case DataType::kInt4:
    case DataType::kInt2:
      return Packed(QuantizeTo<int8_t>(operands, outputs), operands.codes);
    default: return QuantizeToFloat(operands, saturate);
  }
}

template <typename T>
absl::StatusOr<Tensor> DequantizeFrom(const Operands& operands, Outputs& outputs) {
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, operands.x.shape()));
  const T* x = operands.x.data<T>();
  const float* scale = operands.scale.data<float>();
  float* y = out.mutable_data<float>();
  ForEachScale(operands.layout, [&](int64_t begin, int64_t length, int64_t at) {
    DequantizeRun<T>(x + begin, length, scale[at], ZeroPointAt<T>(operands, at), y + begin);
  });
  return out;
}

// The zero point is 0, as Read() has checked.
absl::StatusOr<Tensor> DequantizeFloat(const Operands& operands) {
  ASSIGN_OR_RETURN(const Tensor values, ToFloat32(operands.x));
  Tensor out(DataType::kFloat, values.shape());
  const float* x = values.data<float>();
  const float* scale = operands.scale.data<float>();
  float* y = out.mutable_data<float>();
  operands.layout.ForEachRun([&](int64_t begin, int64_t length, int64_t index, int64_t stride) {
    for (int64_t i = 0; i < length; ++i) y[begin + i] = x[begin + i] * scale[index + i * stride];
  });
  return out;
}

absl::StatusOr<Tensor> Dequantize(Operands& operands, Outputs& outputs) {
  if (IsNarrowFloat(operands.codes)) return DequantizeFloat(operands);
  if (IsPackedInteger(operands.codes)) operands.x = UnpackIntegers(operands.x);
  switch (operands.x.dtype()) {
    case DataType::kUint8: return DequantizeFrom<uint8_t>(operands, outputs);
    case DataType::kInt8: return DequantizeFrom<int8_t>(operands, outputs);
    case DataType::kUint16: return DequantizeFrom<uint16_t>(operands, outputs);
    case DataType::kInt16: return DequantizeFrom<int16_t>(operands, outputs);
    case DataType::kInt32: return DequantizeFrom<int32_t>(operands, outputs);
    default: return BadType(operands.x, "an integer of at most 16 bits, int32, float8 or float4");
  }
}

// Integers of at most 16 bits and floats of at most 8.
bool CanBeCodes(DataType type) {
  return IsNarrowFloat(type) || IsPackedInteger(type) || type == DataType::kInt8 || type == DataType::kUint8 ||
         type == DataType::kInt16 || type == DataType::kUint16;
}

absl::Status CheckBlockSize(int64_t block_size) {
  if (block_size >= 0) return absl::OkStatus();
  return BadAttribute(absl::StrCat("block_size is ", block_size, ", but must not be negative"));
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeQuantize(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", 1);
  const int64_t block_size = context.node.Int("block_size", 0);
  const bool saturate = context.node.Int("saturate", 1) != 0;
  const auto output_type = static_cast<DataType>(context.node.Int("output_dtype", 0));
  RETURN_IF_ERROR(CheckBlockSize(block_size));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInput(inputs, 0));
    const bool has_zero_point = inputs.size() > 2 && inputs[2] != nullptr;
    const DataType codes = has_zero_point                            ? inputs[2]->dtype()
                           : output_type != DataType::kUndefined ? output_type
                                                                     : DataType::kUint8;
    if (!CanBeCodes(codes)) {
      const char* const kExpected = "integer codes of at most 16 bits, float8 or float4";
      if (has_zero_point) return BadType(*inputs[2], kExpected);
      return BadAttribute(absl::StrCat("output_dtype is ", DataTypeName(codes), ", but must be ", kExpected));
    }
    if (output_type != DataType::kUndefined && output_type != codes) {
      return BadType(*inputs[2], absl::StrCat("a zero point of output_dtype ", DataTypeName(output_type)));
    }
    ASSIGN_OR_RETURN(Operands operands, Read(inputs, axis, block_size, codes));
    ASSIGN_OR_RETURN(outputs[0], Quantize(operands, saturate, outputs));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeDequantize(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", 1);
  const int64_t block_size = context.node.Int("block_size", 0);
  const auto output_type = static_cast<DataType>(context.node.Int("output_dtype", 0));
  RETURN_IF_ERROR(CheckBlockSize(block_size));
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 2));
    const DataType codes = inputs[0]->dtype();
    if (inputs.size() > 2 && inputs[2] != nullptr && inputs[2]->dtype() != codes) {
      return BadType(*inputs[2], DataTypeName(codes) + " like the codes");
    }
    ASSIGN_OR_RETURN(Operands operands, Read(inputs, axis, block_size, codes));
    ASSIGN_OR_RETURN(Tensor result, Dequantize(operands, outputs));
    ASSIGN_OR_RETURN(outputs[0], Narrowed(std::move(result), output_type == DataType::kUndefined
                                                                 ? inputs[1]->dtype()
                                                                 : output_type));
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"QuantizeLinear", 10, &MakeQuantize, "", Takes::kPacked},
    {"DequantizeLinear", 10, &MakeDequantize, "", Takes::kPacked},
};

}  // namespace

std::span<const KernelEntry> QuantizeLinearKernels() { return kEntries; }

}  // namespace quantd::cpu
