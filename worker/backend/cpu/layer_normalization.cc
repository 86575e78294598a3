#include "worker/backend/cpu/layer_normalization.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd::cpu {
namespace {

// Writes scale (and shift) times and onto a tensor of normalized values, broadcasting them.
void ApplyAffine(const Tensor& scale, const Tensor* bias, Tensor& out) {
  // ForEachRow walks all axes but the last; an axis of 1 stands behind so that every element is a row.
  Shape walked = out.shape();
  walked.push_back(1);
  const auto strides = [&](const Tensor& tensor) {
    std::vector<int64_t> result = BroadcastStrides(tensor.shape(), out.shape());
    result.push_back(0);
    return result;
  };
  float* y = out.mutable_data<float>();
  ForEachRow(walked, {strides(out), strides(scale), strides(bias == nullptr ? scale : *bias)},
             [&](const std::vector<int64_t>& at) {
               const float product = y[at[0]] * scale.data<float>()[at[1]];
               y[at[0]] = bias == nullptr ? product : product + bias->data<float>()[at[2]];
             });
}

}  // namespace

absl::Status RunLayerNormalization(int64_t axis_attribute, double epsilon, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireFloat(inputs, 1));
  const Tensor& x = *inputs[0];
  const Tensor* bias = inputs.size() > 2 ? inputs[2] : nullptr;
  if (bias != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, 2));
  ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, x.rank()));
  for (const Tensor* parameter : {inputs[1], bias == nullptr ? inputs[1] : bias}) {
    const absl::StatusOr<Shape> together = BroadcastShape(parameter->shape(), x.shape());
    if (!together.ok() || *together != x.shape()) {
      return BadShape(absl::StrCat("scale or bias of shape ", ShapeString(parameter->shape()),
                                   " cannot be broadcast to ", ShapeString(x.shape())));
    }
  }
  int64_t inner = 1, rows = 1;
  Shape reduced = x.shape();
  for (size_t i = 0; i < x.rank(); ++i) {
    (i < axis ? rows : inner) *= x.dim(i);
    if (i >= axis) reduced[i] = 1;
  }
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
  ASSIGN_OR_RETURN(Tensor means, outputs.Make(DataType::kFloat, reduced));
  ASSIGN_OR_RETURN(Tensor inverses, outputs.Make(DataType::kFloat, reduced));
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = x.data<float>() + row * inner;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < inner; ++i) sum += from[i];
    // Of nothing, mean and deviation are not numbers, as in NumPy.
    const double mean = sum / static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) squares += (from[i] - mean) * (from[i] - mean);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(inner) + epsilon);
    means.mutable_data<float>()[row] = static_cast<float>(mean);
    inverses.mutable_data<float>()[row] = static_cast<float>(inverse);
    float* to = out.mutable_data<float>() + row * inner;
    for (int64_t i = 0; i < inner; ++i) to[i] = static_cast<float>((from[i] - mean) * inverse);
  }
  ApplyAffine(*inputs[1], bias, out);
  outputs[0] = std::move(out);
  if (outputs.size() > 1) outputs[1] = std::move(means);
  if (outputs.size() > 2) outputs[2] = std::move(inverses);
  return absl::OkStatus();
}

}  // namespace quantd::cpu
