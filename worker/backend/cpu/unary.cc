// Element-wise operators of one tensor.
#include <cmath>
#include <cstring>
#include <limits>

#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

template <typename Function>
std::unique_ptr<Kernel> FloatKernel(Function function) {
  return MakeKernelFrom([function](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    const float* x = inputs[0]->data<float>();
    float* y = out.mutable_data<float>();
    for (int64_t i = 0, n = out.size(); i < n; ++i) y[i] = function(x[i]);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// The same with a function of the vector kernels.
std::unique_ptr<Kernel> SpanKernel(KernelTable::Map map) {
  return MakeKernelFrom([map](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    map(inputs[0]->data<float>(), static_cast<size_t>(out.size()), out.mutable_data<float>());
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

template <KernelTable::Map KernelTable::*kMap>
absl::StatusOr<std::unique_ptr<Kernel>> MakeSpan(const KernelContext&) {
  return SpanKernel(Kernels().*kMap);
}

template <typename T>
void Apply(const Tensor& in, Tensor& out, T (*function)(T)) {
  const T* x = in.data<T>();
  T* y = out.mutable_data<T>();
  for (int64_t i = 0; i < in.size(); ++i) y[i] = function(x[i]);
}

// Operators that integers have too. Unsigned arithmetic keeps the minimum's negation defined.
template <float (*kFloat)(float), int64_t (*kInteger)(int64_t)>
absl::StatusOr<std::unique_ptr<Kernel>> MakeNumeric(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    Tensor out(inputs[0]->dtype(), inputs[0]->shape());
    if (inputs[0]->dtype() == DataType::kFloat) {
      Apply<float>(*inputs[0], out, kFloat);
    } else if (inputs[0]->dtype() == DataType::kInt64) {
      Apply<int64_t>(*inputs[0], out, kInteger);
    } else {
      return BadType(*inputs[0], "float or int64");
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

float NegFloat(float x) { return -x; }
int64_t NegInteger(int64_t x) { return static_cast<int64_t>(0 - static_cast<uint64_t>(x)); }
float AbsFloat(float x) { return std::fabs(x); }
int64_t AbsInteger(int64_t x) { return x < 0 ? NegInteger(x) : x; }

template <float (*kFunction)(float)>
absl::StatusOr<std::unique_ptr<Kernel>> Make(const KernelContext&) {
  return FloatKernel([](float x) { return kFunction(x); });
}

float Log(float x) { return std::log(x); }
float Sqrt(float x) { return std::sqrt(x); }
float Floor(float x) { return std::floor(x); }
float Ceil(float x) { return std::ceil(x); }
float RoundEven(float x) { return std::nearbyint(x); }
float Reciprocal(float x) { return 1 / x; }
float Softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }
float Sin(float x) { return std::sin(x); }
float Cos(float x) { return std::cos(x); }

absl::StatusOr<std::unique_ptr<Kernel>> MakeLeakyRelu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 0.01f);
  return FloatKernel([alpha](float x) { return x < 0 ? alpha * x : x; });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeElu(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 1.0f);
  return FloatKernel([alpha](float x) { return x < 0 ? alpha * std::expm1(x) : x; });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeHardSigmoid(const KernelContext& context) {
  const float alpha = context.node.Float("alpha", 0.2f);
  const float beta = context.node.Float("beta", 0.5f);
  return FloatKernel(
      [alpha, beta](float x) { return std::fmax(0.0f, std::fmin(1.0f, alpha * x + beta)); });
}

// Exact by the error function, or the published tanh form.
absl::StatusOr<std::unique_ptr<Kernel>> MakeGelu(const KernelContext& context) {
  const bool by_tanh = context.node.String("approximate", "none") == "tanh";
  return SpanKernel(by_tanh ? Kernels().gelu_tanh : Kernels().gelu_erf);
}

std::unique_ptr<Kernel> ClipKernel(float lowest, float highest, bool from_inputs) {
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    float lo = lowest, hi = highest;
    for (size_t i = 1; from_inputs && i < inputs.size() && i < 3; ++i) {
      if (inputs[i] == nullptr) continue;
      RETURN_IF_ERROR(RequireFloat(inputs, i));
      if (inputs[i]->size() != 1) return BadShape("the bounds of Clip must be scalars");
      (i == 1 ? lo : hi) = *inputs[i]->data<float>();
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, inputs[0]->shape()));
    const float* x = inputs[0]->data<float>();
    float* y = out.mutable_data<float>();
    for (int64_t i = 0, n = out.size(); i < n; ++i) {
      const float raised = x[i] < lo ? lo : x[i];
      y[i] = raised > hi ? hi : raised;
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeClipAttributes(const KernelContext& context) {
  return ClipKernel(context.node.Float("min", std::numeric_limits<float>::lowest()),
                    context.node.Float("max", std::numeric_limits<float>::max()), false);
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeClipInputs(const KernelContext&) {
  return ClipKernel(-std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::infinity(), true);
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeIdentity(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    outputs[0] = *inputs[0];
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeNot(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireInputs(inputs, 1));
    if (inputs[0]->dtype() != DataType::kBool) return BadType(*inputs[0], "bool");
    Tensor out(DataType::kBool, inputs[0]->shape());
    for (int64_t i = 0; i < out.size(); ++i) {
      out.mutable_data<bool>()[i] = !inputs[0]->data<bool>()[i];
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {
    {"Relu", 1, &MakeSpan<&KernelTable::relu>},
    {"Sigmoid", 1, &MakeSpan<&KernelTable::sigmoid>},
    {"Tanh", 1, &MakeSpan<&KernelTable::tanh>},
    {"Erf", 9, &MakeSpan<&KernelTable::erf>},
    {"Exp", 1, &MakeSpan<&KernelTable::exp>},
    {"Log", 1, &Make<Log>},
    {"Sqrt", 1, &Make<Sqrt>},
    {"Floor", 1, &Make<Floor>},
    {"Ceil", 1, &Make<Ceil>},
    {"Round", 11, &Make<RoundEven>},
    {"Reciprocal", 1, &Make<Reciprocal>},
    {"Softplus", 1, &Make<Softplus>},
    {"Sin", 7, &Make<Sin>},
    {"Cos", 7, &Make<Cos>},
    {"HardSwish", 14, &MakeSpan<&KernelTable::hard_swish>},
    {"Neg", 1, &MakeNumeric<NegFloat, NegInteger>},
    {"Abs", 1, &MakeNumeric<AbsFloat, AbsInteger>},
    {"LeakyRelu", 1, &MakeLeakyRelu},
    {"Elu", 1, &MakeElu},
    {"HardSigmoid", 1, &MakeHardSigmoid},
    {"Gelu", 20, &MakeGelu},
    {"Clip", 1, &MakeClipAttributes},
    {"Clip", 11, &MakeClipInputs},
    {"Identity", 1, &MakeIdentity},
    {"Not", 1, &MakeNot},
};

}  // namespace

std::span<const KernelEntry> UnaryKernels() { return kEntries; }

}  // namespace quantd::cpu
