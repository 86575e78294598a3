// LayerNormalization and InstanceNormalization.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/layer_normalization.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

struct Moments {
  float mean;
  float inverse_deviation;
};

Moments MomentsOf(const float* x, int64_t n, double epsilon) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {static_cast<float>(mean),
          static_cast<float>(1 / std::sqrt(squares / static_cast<double>(n) + epsilon))};
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeLayerNormalization(const KernelContext& context) {
  const float epsilon = context.node.Float("epsilon", 1e-5f);
  const int64_t axis_attribute = context.node.Int("axis", -1);
  bool plain = true;
  for (size_t i = 1; i < context.node.outputs.size(); ++i) plain &= context.node.outputs[i].empty();
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& x = *inputs[0];
    const Tensor* bias = inputs.size() > 2 ? inputs[2] : nullptr;
    if (bias != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, 2));
    ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axis_attribute, x.rank()));
    int64_t inner = 1;
    for (size_t i = axis; i < x.rank(); ++i) inner *= x.dim(i);
    if (!plain || inputs[1]->size() != inner || (bias != nullptr && bias->size() != inner)) {
      return RunLayerNormalization(axis_attribute, epsilon, inputs, outputs);
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    const float* gamma = inputs[1]->data<float>();
    const float* beta = bias == nullptr ? nullptr : bias->data<float>();
    const int64_t rows = inner == 0 ? 0 : x.size() / inner;
    for (int64_t row = 0; row < rows; ++row) {
      const float* from = x.data<float>() + row * inner;
      float* to = out.mutable_data<float>() + row * inner;
      Kernels().layer_norm_row({.x = from, .gamma = gamma, .beta = beta, .n = static_cast<size_t>(inner),
                                .epsilon = epsilon, .y = to});
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeInstanceNormalization(const KernelContext& context) {
  const double epsilon = context.node.Float("epsilon", 1e-5f);
  return MakeKernelFrom([epsilon](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireFloat(inputs, i));
    const Tensor& x = *inputs[0];
    if (x.rank() < 3 || inputs[1]->size() != x.dim(1) || inputs[2]->size() != x.dim(1)) {
      return BadShape("InstanceNormalization needs [N, C, ...] and one scale and bias a channel");
    }
    Tensor out(DataType::kFloat, x.shape());
    const int64_t blocks = x.dim(0) * x.dim(1);
    const int64_t inner = blocks == 0 ? 0 : x.size() / blocks;
    for (int64_t block = 0; inner > 0 && block < blocks; ++block) {
      const int64_t c = block % x.dim(1);
      const float* from = x.data<float>() + block * inner;
      float* to = out.mutable_data<float>() + block * inner;
      const Moments m = MomentsOf(from, inner, epsilon);
      const float gamma = inputs[1]->data<float>()[c], beta = inputs[2]->data<float>()[c];
      for (int64_t i = 0; i < inner; ++i) {
        to[i] = (from[i] - m.mean) * m.inverse_deviation * gamma + beta;
      }
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"LayerNormalization", 17, &MakeLayerNormalization},
    {"InstanceNormalization", 6, &MakeInstanceNormalization},
};

}  // namespace

std::span<const KernelEntry> NormalizationKernels() { return kEntries; }

}  // namespace quantd::cpu
