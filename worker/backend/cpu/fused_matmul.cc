// FusedMatMul of domain "quantd":
//
//   FusedMatMul(x, W, bias?, residual?) -> activation(x W + bias) + residual
//
// x is [..., K], W [K, N] ([N, K] with transB), bias [N]; a residual of another shape is broadcast as Add would.
// Attributes: transB, activation (activation.h).
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/activation.h"
#include "worker/backend/cpu/broadcast.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"
#include "worker/kernels/select_kernels.h"

namespace quantd::cpu {
namespace {

struct Options {
  bool transposed;
  Activation activation;
};

absl::Status Run(const Options& options, const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireInputs(inputs, 2));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, i));
  }
  const Tensor& x = *inputs[0];
  const Tensor& w = *inputs[1];
  const Tensor* const bias = inputs.size() > 2 ? inputs[2] : nullptr;
  const Tensor* const residual = inputs.size() > 3 ? inputs[3] : nullptr;
  if (x.rank() == 0 || w.rank() != 2 || x.shape().back() != w.dim(options.transposed ? 1 : 0)) {
    return BadShape(absl::StrCat("shapes ", ShapeString(x.shape()), " and ", ShapeString(w.shape()),
                                 " cannot be multiplied"));
  }
  const int64_t k = x.shape().back(), n = w.dim(options.transposed ? 0 : 1);
  if (bias != nullptr && bias->shape() != Shape{n}) {
    return BadShape(absl::StrCat("the bias has shape ", ShapeString(bias->shape()), ", expected [", n, "]"));
  }
  Shape shape = x.shape();
  shape.back() = n;
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  const int64_t rows = n == 0 ? 0 : out.size() / n;
  float* const y = out.mutable_data<float>();
  RETURN_IF_ERROR(MatrixProduct(false, options.transposed, rows, n, k, 1, x.data<float>(), w.data<float>(), 0, y));
  const bool adds_rows = residual != nullptr && residual->shape() == shape;
  if (bias != nullptr || options.activation != Activation::kNone || adds_rows) {
    for (int64_t row = 0; row < rows; ++row) {
      Kernels().epilogue_row(y + row * n, static_cast<size_t>(n),
                             {.activation = options.activation,
                              .bias = bias == nullptr ? nullptr : bias->data<float>(),
                              .residual = adds_rows ? residual->data<float>() + row * n : nullptr});
    }
  }
  if (residual != nullptr && !adds_rows) {
    Tensor sum;
    RETURN_IF_ERROR(BroadcastAdd(out, *residual, outputs, sum));
    out = std::move(sum);
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> Make(const KernelContext& context) {
  ASSIGN_OR_RETURN(const Activation activation, ParseActivation(context.node.String("activation", "")));
  const Options options{.transposed = context.node.Int("transB", 0) != 0, .activation = activation};
  return MakeKernelFrom([options](const Inputs& inputs, Outputs& outputs) { return Run(options, inputs, outputs); });
}

constexpr KernelEntry kEntries[] = {{"FusedMatMul", 1, &Make, "quantd"}};

}  // namespace

std::span<const KernelEntry> FusedMatMulKernels() { return kEntries; }

}  // namespace quantd::cpu
