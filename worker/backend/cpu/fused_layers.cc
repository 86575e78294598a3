// LayerNormalization, Activation and FakeQuantize of domain "quantd".
//
//   LayerNormalization(x, gamma?, beta?, residual?) -> (y, sum?)   attribute epsilon; over the last axis of the
//     sum x + residual. Shapes that are not plainly equal are broadcast as the separate operators would.
//   Activation(x) -> y                                             attribute function
//   FakeQuantize(x, scale, zero_point?) -> y                       DequantizeLinear(QuantizeLinear(x)), 8 bits
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/activation.h"
#include "worker/backend/cpu/broadcast.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

const Tensor* InputOrNull(const Inputs& inputs, size_t i) { return i < inputs.size() ? inputs[i] : nullptr; }

// Rows of x (plus residual) normalized; gamma and beta null or of one row's length.
absl::Status NormalizeRows(const Tensor& x, const Tensor* residual, const Tensor* gamma, const Tensor* beta,
                           float epsilon, bool wants_sum, Outputs& outputs) {
  ASSIGN_OR_RETURN(Tensor y, outputs.Make(DataType::kFloat, x.shape()));
  Tensor sum;
  if (wants_sum) {
    ASSIGN_OR_RETURN(sum, outputs.Make(DataType::kFloat, x.shape()));
  }
  const int64_t n = x.shape().back();
  const int64_t rows = n == 0 ? 0 : x.size() / n;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t at = row * n;
    Kernels().layer_norm_row({.x = x.data<float>() + at,
                              .residual = residual == nullptr ? nullptr : residual->data<float>() + at,
                              .gamma = gamma == nullptr ? nullptr : gamma->data<float>(),
                              .beta = beta == nullptr ? nullptr : beta->data<float>(),
                              .n = static_cast<size_t>(n),
                              .epsilon = epsilon,
                              .sum = wants_sum ? sum.mutable_data<float>() + at : nullptr,
                              .y = y.mutable_data<float>() + at});
  }
  outputs[0] = std::move(y);
  if (wants_sum) outputs[1] = std::move(sum);
  return absl::OkStatus();
}

bool FitsRow(const Tensor* parameter, const Tensor& x) {
  return parameter == nullptr || (parameter->rank() == 1 && parameter->size() == x.shape().back());
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeLayerNormalization(const KernelContext& context) {
  const float epsilon = context.node.Float("epsilon", 1e-5f);
  const bool wants_sum = context.node.outputs.size() > 1 && !context.node.outputs[1].empty();
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i] != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, i));
    }
    const Tensor* gamma = InputOrNull(inputs, 1);
    const Tensor* beta = InputOrNull(inputs, 2);
    const Tensor* residual = InputOrNull(inputs, 3);
    Tensor x = *inputs[0];
    if (residual != nullptr && residual->shape() != x.shape()) {
      RETURN_IF_ERROR(BroadcastAdd(*inputs[0], *residual, outputs, x));
      if (wants_sum) outputs[1] = x;
      residual = nullptr;
    }
    if (x.rank() == 0) return BadShape("a scalar has no last axis to normalize");
    const bool sum_is_made = wants_sum && residual != nullptr;
    if (FitsRow(gamma, x) && FitsRow(beta, x)) {
      return NormalizeRows(x, residual, gamma, beta, epsilon, sum_is_made, outputs);
    }
    RETURN_IF_ERROR(NormalizeRows(x, residual, nullptr, nullptr, epsilon, sum_is_made, outputs));
    if (gamma != nullptr) {
      Tensor scaled;
      RETURN_IF_ERROR(BroadcastMul(outputs[0], *gamma, outputs, scaled));
      outputs[0] = std::move(scaled);
    }
    if (beta != nullptr) {
      Tensor shifted;
      RETURN_IF_ERROR(BroadcastAdd(outputs[0], *beta, outputs, shifted));
      outputs[0] = std::move(shifted);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeActivation(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Activation activation, ParseActivation(context.node.String("function", "")));
  KernelTable::Map map = nullptr;
  switch (activation) {
    case Activation::kRelu: map = Kernels().relu; break;
    case Activation::kGeluErf: map = Kernels().gelu_erf; break;
    case Activation::kGeluTanh: map = Kernels().gelu_tanh; break;
    case Activation::kSilu: map = Kernels().silu; break;
    case Activation::kSigmoid: map = Kernels().sigmoid; break;
    case Activation::kTanh: map = Kernels().tanh; break;
    case Activation::kHardSwish: map = Kernels().hard_swish; break;
    case Activation::kNone: return BadAttribute("an Activation needs a function");
  }
  return MakeKernelFrom([map](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    ASSIGN_OR_RETURN(Tensor y, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    map(inputs[0]->data<float>(), static_cast<size_t>(y.size()), y.mutable_data<float>());
    outputs[0] = std::move(y);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeFakeQuantize(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    if (inputs[1]->size() != 1) return BadShape("FakeQuantize has one scale");
    const Tensor* const zero_point = InputOrNull(inputs, 2);
    int lowest = 0, highest = 255, zero = 0;
    if (zero_point != nullptr) {
      if (zero_point->size() != 1) return BadShape("FakeQuantize has one zero point");
      if (zero_point->dtype() == DataType::kUint8) {
        zero = *zero_point->data<uint8_t>();
      } else if (zero_point->dtype() == DataType::kInt8) {
        lowest = -128, highest = 127;
        zero = *zero_point->data<int8_t>();
      } else {
        return BadType(*zero_point, "uint8 or int8");
      }
    }
    ASSIGN_OR_RETURN(Tensor y, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    Kernels().fake_quantize(inputs[0]->data<float>(), static_cast<size_t>(y.size()), *inputs[1]->data<float>(),
                            static_cast<float>(lowest - zero), static_cast<float>(highest - zero),
                            y.mutable_data<float>());
    outputs[0] = std::move(y);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"LayerNormalization", 1, &MakeLayerNormalization, "quantd"},
    {"Activation", 1, &MakeActivation, "quantd"},
    {"FakeQuantize", 1, &MakeFakeQuantize, "quantd"},
};

}  // namespace

std::span<const KernelEntry> FusedLayerKernels() { return kEntries; }

}  // namespace quantd::cpu
