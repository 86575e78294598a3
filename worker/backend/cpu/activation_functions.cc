// Activation functions with parameters or branches, and Clip.
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "worker/backend/cpu/array_kernels.h"
#include "worker/backend/cpu/elementwise.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

template <float (*kFunction)(float)>
Maker Make(const KernelContext&) {
  return FloatKernel([](float x) { return kFunction(x); });
}

// Beyond 20 the exponential outweighs the 1 by more than a float holds.
float Softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }
float Softsign(float x) { return x / (1 + std::fabs(x)); }
float Mish(float x) { return x * std::tanh(Softplus(x)); }

float Between(float low, float x, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

Maker MakeLeakyRelu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 0.01f);
  return FloatKernel([alpha](float x) { return x < 0 ? alpha * x : x; });
}

Maker MakeThresholdedRelu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 1.0f);
  return FloatKernel([alpha](float x) { return x > alpha ? x : 0.0f; });
}

Maker MakeElu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 1.0f);
  return FloatKernel([alpha](float x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

Maker MakeCelu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 1.0f);
  if (alpha == 0) return BadAttribute("alpha of Celu must not be 0");
  return FloatKernel([alpha](float x) { return x < 0 ? alpha * std::expm1(x / alpha) : x; });
}

// Its parameters make mean 0 and variance 1 a fixed point (arXiv:1706.02515).
Maker MakeSelu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 1.67326319217681884765625f);
  const float gamma = context.node.Float("gamma", 1.05070102214813232421875f);
  return FloatKernel([=](float x) { return gamma * (x > 0 ? x : alpha * std::expm1(x)); });
}

Maker MakeHardSigmoid(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 0.2f);
  const float beta = context.node.Float("beta", 0.5f);
  return FloatKernel([alpha, beta](float x) { return Between(0, alpha * x + beta, 1); });
}

// Exact by the error function, or the published tanh form.
Maker MakeGelu(const KernelContext& context) {
  const std::string form = context.node.String("approximate", "none");
  if (form != "none" && form != "tanh") return BadAttribute("approximate of Gelu must be none or tanh");
  return SpanKernel(form == "tanh" ? Kernels().gelu_tanh : Kernels().gelu_erf);
}

// Integers are shrunk as reals and cut towards zero.
Maker MakeShrink(const KernelContext& context) {
  const float bias = context.node.Float("bias", 0);
  const float lambd = context.node.Float("lambd", 0.5f);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return ForType(*inputs[0], NumericTypes(), [&]<typename T>(Type<T>) {
      using Real = std::conditional_t<std::is_same_v<T, float>, float, double>;
      return Map<T, T>(*inputs[0], outputs, [=](T x) {
        const Real real = static_cast<Real>(x);
        const Real shrunk = real < -lambd ? real + bias : real > lambd ? real - bias : Real(0);
        if constexpr (std::is_integral_v<T>) {
          return Saturated<T>(shrunk);
        } else {
          return shrunk;
        }
      });
    });
  });
}

// Where the bounds cross, the upper one wins. A NaN stays one.
template <typename T>
absl::Status Clip(const Tensor& x, T low, T high, Outputs& outputs) {
  return Map<T, T>(x, outputs, [=](T value) {
    const T raised = value < low ? low : value;
    return raised > high ? high : raised;
  });
}

Maker MakeClipAttributes(const KernelContext& context) {
  const float low = context.node.Float("min", std::numeric_limits<float>::lowest());
  const float high = context.node.Float("max", std::numeric_limits<float>::max());
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    return Clip<float>(*inputs[0], low, high, outputs);
  });
}

// Bound `index` of Clip into `bound`, which keeps its value where the input is absent.
template <typename T>
absl::Status ReadBound(const Inputs& inputs, size_t index, T& bound) {
  if (index >= inputs.size() || inputs[index] == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(RequireSameType(*inputs[0], *inputs[index]));
  if (inputs[index]->size() != 1) return BadShape("the bounds of Clip must be scalars");
  bound = *inputs[index]->data<T>();
  return absl::OkStatus();
}

Maker MakeClipInputs(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    return ForType(*inputs[0], NumericTypes(), [&]<typename T>(Type<T>) -> absl::Status {
      using Limits = std::numeric_limits<T>;
      T low = std::is_integral_v<T> ? Limits::lowest() : -Limits::infinity();
      T high = std::is_integral_v<T> ? Limits::max() : Limits::infinity();
      RETURN_IF_ERROR(ReadBound(inputs, 1, low));
      RETURN_IF_ERROR(ReadBound(inputs, 2, high));
      return Clip<T>(*inputs[0], low, high, outputs);
    });
  });
}

constexpr KernelEntry kEntries[] = {
    {"Softplus", 1, &Make<Softplus>},
    {"Softsign", 1, &Make<Softsign>},
    {"Mish", 18, &Make<Mish>},
    {"HardSwish", 14, &MakeSpan<&KernelTable::hard_swish>},
    {"LeakyRelu", 1, &MakeLeakyRelu},
    {"ThresholdedRelu", 1, &MakeThresholdedRelu},
    {"Elu", 1, &MakeElu},
    {"Celu", 12, &MakeCelu},
    {"Selu", 1, &MakeSelu},
    {"HardSigmoid", 1, &MakeHardSigmoid},
    {"Gelu", 20, &MakeGelu},
    {"Shrink", 9, &MakeShrink, "", Takes::kFloats},
    {"Clip", 1, &MakeClipAttributes},
    {"Clip", 11, &MakeClipInputs, "", Takes::kFloats},
};

}  // namespace

std::span<const KernelEntry> ActivationKernels() { return kEntries; }

}  // namespace quantd::cpu
