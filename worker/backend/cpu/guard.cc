#include "worker/backend/cpu/guard.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "worker/formats/convert_tensor.h"

namespace quantd::cpu {
namespace {

bool IsHalf(DataType type) { return type == DataType::kFloat16 || type == DataType::kBfloat16; }

// Whether a kernel that takes `takes` gets this type as float32.
bool IsCast(DataType type, Takes takes) {
  if (takes == Takes::kFloat32) return IsHalf(type) || type == DataType::kDouble;
  return takes == Takes::kFloats && IsHalf(type);
}

// float32 as one of the types that are cast; beyond the largest number of 16 bits comes infinity.
absl::StatusOr<Tensor> FromSingle(const Tensor& x, DataType to) {
  if (to != DataType::kDouble) return FromFloat32(x, to, Overflow::kSpecial);
  Tensor out = Tensor::Uninitialized(to, x.shape());
  std::copy(x.data<float>(), x.data<float>() + x.size(), out.mutable_data<double>());
  return out;
}

absl::Status CheckTaken(const Tensor& value, Takes takes) {
  if (value.is_array() && value.dtype() != DataType::kString && !IsPacked(value.dtype())) return absl::OkStatus();
  if (!value.is_array() && takes < Takes::kValues) return BadType(value, "a tensor");
  if (value.dtype() == DataType::kString && takes < Takes::kStrings) return BadType(value, "a tensor of numbers");
  if (IsPacked(value.dtype()) && takes < Takes::kPacked) return BadType(value, "a type of whole bytes");
  return absl::OkStatus();
}

class Guarded final : public Kernel {
 public:
  Guarded(std::unique_ptr<Kernel> kernel, Takes takes, std::vector<Tensor> cast_constants)
      : kernel_(std::move(kernel)), takes_(takes), cast_constants_(std::move(cast_constants)) {}

  absl::Status Run(const Inputs& inputs, Outputs& outputs) const override {
    bool cast = false;
    DataType result = DataType::kUndefined;  // The type of the first floating-point input.
    for (const Tensor* input : inputs) {
      if (input == nullptr) continue;
      RETURN_IF_ERROR(CheckTaken(*input, takes_));
      const DataType type = input->dtype();
      cast |= IsCast(type, takes_);
      const bool floating = type == DataType::kFloat || type == DataType::kDouble || IsHalf(type);
      if (floating && result == DataType::kUndefined) result = type;
    }
    if (!cast) return kernel_->Run(inputs, outputs);
    std::vector<Tensor> held(inputs.size());
    Inputs given = inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == nullptr || !IsCast(inputs[i]->dtype(), takes_)) continue;
      if (cast_constants_[i].defined()) {
        given[i] = &cast_constants_[i];
        continue;
      }
      ASSIGN_OR_RETURN(held[i], ToFloat32(*inputs[i]));
      given[i] = &held[i];
    }
    RETURN_IF_ERROR(kernel_->Run(given, outputs));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].dtype() != DataType::kFloat || result == DataType::kFloat) continue;
      ASSIGN_OR_RETURN(outputs[i], FromSingle(outputs[i], result));
    }
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<Kernel> kernel_;
  const Takes takes_;
  const std::vector<Tensor> cast_constants_;  // One an input; undefined where it is not constant or not cast.
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeGuardedKernel(const KernelEntry& entry, const KernelContext& context) {
  KernelContext seen{.node = context.node, .opset = context.opset, .constants = context.constants};
  std::vector<Tensor> cast(context.node.inputs.size());
  for (size_t i = 0; i < seen.constants.size() && i < cast.size(); ++i) {
    Tensor& constant = seen.constants[i];
    if (!constant.defined()) continue;
    RETURN_IF_ERROR(CheckTaken(constant, entry.takes));
    if (!IsCast(constant.dtype(), entry.takes)) continue;
    ASSIGN_OR_RETURN(cast[i], ToFloat32(constant));
    constant = cast[i];
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, entry.make(seen));
  if (entry.takes == Takes::kValues) return kernel;
  return std::make_unique<Guarded>(std::move(kernel), entry.takes, std::move(cast));
}

}  // namespace quantd::cpu
