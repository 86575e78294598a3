// Operators that make a tensor out of a few numbers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/arithmetic.h"
#include "worker/backend/cpu/element_types.h"
#include "worker/backend/cpu/strided_copy.h"
#include "worker/formats/half_float.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

Maker MakeConstantOfShape(const KernelContext& context) {
  Tensor value = Tensor::Scalar<float>(0);
  const auto it = context.node.attributes.find("value");
  if (it != context.node.attributes.end()) {
    const Tensor* given = std::get_if<Tensor>(&it->second);
    if (given == nullptr || given->size() != 1 || SizeOf(given->dtype()) == 0) {
      return BadAttribute("the value of ConstantOfShape must be a tensor of one element");
    }
    value = *given;
  }
  return MakeKernelFrom([value](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    ASSIGN_OR_RETURN(const Shape shape, Integers(*inputs[0]));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(value.dtype(), shape));
    FillElements(out.mutable_raw(), out.size(), value.raw(), SizeOf(value.dtype()));
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

template <typename T>
absl::StatusOr<Tensor> ListOf(const AttributeValue& value) {
  if (const T* one = std::get_if<T>(&value)) return Tensor::Scalar(*one);
  if (const auto* many = std::get_if<std::vector<T>>(&value)) {
    return Tensor::Of({static_cast<int64_t>(many->size())}, *many);
  }
  return BadAttribute("the value of Constant has the wrong kind");
}

absl::StatusOr<Tensor> ConstantOf(const Node& node) {
  if (node.attributes.size() != 1) return BadAttribute("a Constant has exactly one value");
  const auto& [key, value] = *node.attributes.begin();
  if (key == "value") {
    if (const Tensor* tensor = std::get_if<Tensor>(&value); tensor != nullptr && tensor->defined()) return *tensor;
    return BadAttribute("the value of Constant is no tensor");
  }
  if (key == "value_float" || key == "value_floats") return ListOf<float>(value);
  if (key == "value_int" || key == "value_ints") return ListOf<int64_t>(value);
  return BadAttribute(absl::StrCat("a Constant cannot hold attribute '", key, "'"));
}

Maker MakeConstant(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Tensor value, ConstantOf(context.node));
  return MakeKernelFrom([value](const Inputs&, Outputs& outputs) -> absl::Status {
    outputs[0] = value;
    return absl::OkStatus();
  });
}

// How many numbers Range counts; -1 when that is not a number, or too many.
template <typename T>
int64_t CountOf(T start, T limit, T step) {
  if constexpr (std::is_floating_point_v<T>) {
    const double count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(step));
    if (!(count <= static_cast<double>(kTensorElementsMax))) return -1;
    return count > 0 ? static_cast<int64_t>(count) : 0;
  } else {
    // In 128 bits: the span of two int64 does not fit into one.
    __extension__ using Wide = __int128;
    const Wide span = step > 0 ? Wide(limit) - start : Wide(start) - limit;
    const Wide stride = step > 0 ? Wide(step) : -Wide(step);
    const Wide count = span <= 0 ? 0 : (span - 1) / stride + 1;
    return count > kTensorElementsMax ? -1 : static_cast<int64_t>(count);
  }
}

absl::Status RunRange(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 3));
  for (size_t i = 0; i < 3; ++i) {
    if (inputs[i]->size() != 1) return BadShape("the inputs of Range must be scalars");
    RETURN_IF_ERROR(RequireSameType(*inputs[0], *inputs[i]));
  }
  using Types = TypeList<float, double, int16_t, int32_t, int64_t>;
  return ForType(*inputs[0], Types(), [&]<typename T>(Type<T>) -> absl::Status {
    const T start = *inputs[0]->data<T>(), limit = *inputs[1]->data<T>(), step = *inputs[2]->data<T>();
    if (step == 0) return BadAttribute("the step of Range is 0");
    const int64_t count = CountOf(start, limit, step);
    if (count < 0) return BadShape("Range is too long");
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(inputs[0]->dtype(), {count}));
    T* y = out.mutable_data<T>();
    for (int64_t i = 0; i < count; ++i) y[i] = AddOp::Of(start, MulOp::Of(static_cast<T>(i), step));
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeRange(const KernelContext&) { return MakeKernelFrom(&RunRange); }

// A 1 of that type, or UNSUPPORTED_TYPE.
absl::StatusOr<Tensor> OneOf(DataType dtype, Outputs& outputs) {
  ASSIGN_OR_RETURN(Tensor one, outputs.Make(dtype, {}));
  if (dtype == DataType::kFloat16 || dtype == DataType::kBfloat16) {
    *MutableElementsOf<uint16_t>(one) = dtype == DataType::kFloat16 ? FloatToHalf(1) : FloatToBfloat(1);
    return one;
  }
  RETURN_IF_ERROR(ForType(one, AllTypes(), [&]<typename T>(Type<T>) {
    *one.mutable_data<T>() = T(1);
    return absl::OkStatus();
  }));
  return one;
}

// Ones on a diagonal of a matrix as large as the input.
Maker MakeEyeLike(const KernelContext& context) {
  const DataType wanted = static_cast<DataType>(context.node.Int("dtype", 0));
  const int64_t k = context.node.Int("k", 0);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    if (inputs[0]->rank() != 2) return BadShape("EyeLike needs a matrix");
    const DataType dtype = wanted == DataType::kUndefined ? inputs[0]->dtype() : wanted;
    const size_t width = SizeOf(dtype);
    if (width == 0) return BadAttribute(absl::StrCat("EyeLike of ", DataTypeName(dtype), " is not supported"));
    ASSIGN_OR_RETURN(const Tensor one, OneOf(dtype, outputs));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(dtype, inputs[0]->shape()));
    char* y = static_cast<char*>(out.mutable_raw());
    std::memset(y, 0, out.bytes());
    const int64_t rows = out.dim(0), columns = out.dim(1);
    const int64_t first = k >= 0 ? 0 : k > -rows ? -k : rows;
    for (int64_t i = first; i < rows && k < columns - i; ++i) {
      std::memcpy(y + static_cast<size_t>(i * columns + i + k) * width, one.raw(), width);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// The numbers of any type as integers.
absl::StatusOr<std::vector<int64_t>> Truncated(const Tensor& tensor) {
  std::vector<int64_t> values(static_cast<size_t>(tensor.size()));
  RETURN_IF_ERROR(ForType(tensor, NumericTypes(), [&]<typename T>(Type<T>) {
    const T* from = tensor.data<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        values[i] = Saturated<int64_t>(static_cast<double>(from[i]));
      } else if constexpr (std::is_same_v<T, uint64_t>) {
        values[i] = static_cast<int64_t>(std::min(from[i], static_cast<T>(std::numeric_limits<int64_t>::max())));
      } else {
        values[i] = from[i];
      }
    }
    return absl::OkStatus();
  }));
  return values;
}

absl::Status OneHot(const Tensor& where, const Tensor& depth_input, const Tensor& values, int64_t attribute,
                    Outputs& outputs) {
  if (depth_input.size() != 1) return BadShape("the depth of OneHot must be a scalar");
  if (values.size() != 2) return BadShape("the values of OneHot must be two: off and on");
  ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(attribute, where.rank() + 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> depths, Truncated(depth_input));
  const int64_t depth = depths[0];
  Shape shape = where.shape();
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  RETURN_IF_ERROR(CheckedElementCount(shape).status());
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, Truncated(where));
  return ForWidth(values.dtype(), [&]<typename T>(Type<T>) -> absl::Status {
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(values.dtype(), shape));
    T* y = MutableElementsOf<T>(out);
    const T off = ElementsOf<T>(values)[0], on = ElementsOf<T>(values)[1];
    std::fill(y, y + out.size(), off);
    int64_t inner = 1;
    for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
    for (int64_t i = 0; out.size() > 0 && i < static_cast<int64_t>(indices.size()); ++i) {
      const int64_t index = indices[static_cast<size_t>(i)];
      if (index < -depth || index >= depth) continue;  // Hot nowhere.
      y[(i / inner * depth + (index < 0 ? index + depth : index)) * inner + i % inner] = on;
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

Maker MakeOneHot(const KernelContext& context) {
  const int64_t axis = context.node.Int("axis", -1);
  return MakeKernelFrom([axis](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 3));
    return OneHot(*inputs[0], *inputs[1], *inputs[2], axis, outputs);
  });
}

constexpr KernelEntry kEntries[] = {
    {"Constant", 1, &MakeConstant, "", Takes::kPacked},
    {"ConstantOfShape", 9, &MakeConstantOfShape, "", Takes::kNumbers},
    {"EyeLike", 9, &MakeEyeLike, "", Takes::kNumbers},
    {"OneHot", 9, &MakeOneHot, "", Takes::kNumbers},
    {"Range", 11, &MakeRange, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> FillKernels() { return kEntries; }

}  // namespace quantd::cpu
