#include "worker/backend/cpu/kernel_support.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd::cpu {
namespace {

class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(KernelFunction function) : function_(std::move(function)) {}
  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    return function_(inputs, outputs);
  }

 private:
  KernelFunction function_;
};

absl::Status Invalid(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

}  // namespace

std::unique_ptr<Kernel> MakeKernelFrom(KernelFunction function) {
  return std::make_unique<FunctionKernel>(std::move(function));
}

absl::Status BadShape(absl::string_view message) { return Invalid("BAD_SHAPE", message); }
absl::Status BadIndex(absl::string_view message) { return Invalid("BAD_INDEX", message); }
absl::Status BadAttribute(absl::string_view message) { return Invalid("BAD_ATTRIBUTE", message); }

absl::Status BadType(const Tensor& tensor, absl::string_view expected) {
  return Invalid("UNSUPPORTED_TYPE", absl::StrCat("an input is ", DataTypeName(tensor.dtype()),
                                                  ", but ", expected, " is needed"));
}

absl::Status RequireInput(const Inputs& inputs, size_t index) {
  if (index < inputs.size() && inputs[index] != nullptr) return absl::OkStatus();
  return Invalid("MISSING_INPUT", absl::StrCat("input ", index, " is missing"));
}

absl::Status RequireInputs(const Inputs& inputs, size_t count) {
  for (size_t i = 0; i < count; ++i) RETURN_IF_ERROR(RequireInput(inputs, i));
  return absl::OkStatus();
}

absl::Status RequireFloat(const Inputs& inputs, size_t index) {
  RETURN_IF_ERROR(RequireInput(inputs, index));
  if (inputs[index]->dtype() != DataType::kFloat) return BadType(*inputs[index], "float");
  return absl::OkStatus();
}

absl::StatusOr<size_t> NormalizeAxis(int64_t axis, size_t rank) {
  const int64_t extent = static_cast<int64_t>(rank);
  if (axis < -extent || axis >= extent) {
    return BadAttribute(absl::StrCat("axis ", axis, " is out of range for rank ", rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + extent : axis);
}

absl::StatusOr<Tensor> MakeOutput(DataType dtype, const Shape& shape) {
  RETURN_IF_ERROR(CheckedElementCount(shape).status());
  return Tensor(dtype, shape);
}

absl::StatusOr<std::vector<int64_t>> Integers(const Tensor& tensor) {
  std::vector<int64_t> values;
  if (tensor.dtype() == DataType::kInt64) {
    values.assign(tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.size());
  } else if (tensor.dtype() == DataType::kInt32) {
    values.assign(tensor.data<int32_t>(), tensor.data<int32_t>() + tensor.size());
  } else {
    return BadType(tensor, "int32 or int64");
  }
  return values;
}

absl::StatusOr<Shape> BroadcastShape(const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      return BadShape(absl::StrCat("shapes ", ShapeString(a), " and ", ShapeString(b),
                                   " cannot be broadcast"));
    }
    shape[shape.size() - 1 - i] = x == 1 ? y : x;
  }
  return shape;
}

std::vector<int64_t> RowMajorStrides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

std::vector<int64_t> BroadcastStrides(const Shape& shape, const Shape& target) {
  const std::vector<int64_t> own = RowMajorStrides(shape);
  std::vector<int64_t> strides(target.size(), 0);
  const size_t offset = target.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) strides[offset + i] = shape[i] == 1 ? 0 : own[i];
  return strides;
}

void ForEachRow(const Shape& shape, const std::vector<std::vector<int64_t>>& strides,
                const std::function<void(const std::vector<int64_t>& offsets)>& visit) {
  const size_t outer = shape.empty() ? 0 : shape.size() - 1;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  std::vector<int64_t> position(outer, 0);
  std::vector<int64_t> offsets(strides.size(), 0);
  while (true) {
    visit(offsets);
    size_t axis = outer;
    while (axis > 0) {
      --axis;
      for (size_t s = 0; s < strides.size(); ++s) offsets[s] += strides[s][axis];
      if (++position[axis] < shape[axis]) break;
      for (size_t s = 0; s < strides.size(); ++s) offsets[s] -= strides[s][axis] * shape[axis];
      position[axis] = 0;
      if (axis == 0) return;
    }
    if (outer == 0) return;
  }
}

}  // namespace quantd::cpu
