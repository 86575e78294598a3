// Operators of domain "com.microsoft" that ONNX Runtime's optimizer leaves in exported transformers.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/layer_normalization.h"
#include "worker/backend/cpu/onednn.h"

namespace quantd::cpu {
namespace {

using Maker = absl::StatusOr<std::unique_ptr<Kernel>>;

float ExactGelu(float x) { return 0.5f * x * (1 + std::erf(x * std::numbers::sqrt2_v<float> / 2)); }

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
float TanhGelu(float x) {
  constexpr float kRoot = 0.7978845608f;
  return 0.5f * x * (1 + std::tanh(kRoot * (x + 0.044715f * x * x * x)));
}

// The function of x, or of x + bias with a bias along the last axis.
template <float (*kFunction)(float)>
Maker MakeGelu(const KernelContext&) {
  return MakeKernelFrom([](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    const Tensor& x = *inputs[0];
    const Tensor* bias = inputs.size() > 1 ? inputs[1] : nullptr;
    if (bias != nullptr) {
      RETURN_IF_ERROR(RequireFloat(inputs, 1));
      if (x.rank() == 0 || bias->shape() != Shape{x.shape().back()}) {
        return BadShape(absl::StrCat("a bias of shape ", ShapeString(bias->shape()), " does not fit ",
                                     ShapeString(x.shape())));
      }
    }
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, x.shape()));
    for (int64_t i = 0; i < x.size(); ++i) {
      const float shift = bias == nullptr ? 0.0f : bias->data<float>()[i % bias->size()];
      out.mutable_data<float>()[i] = kFunction(x.data<float>()[i] + shift);
    }
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// The last two axes swapped.
absl::StatusOr<Tensor> Transposed(const Tensor& x, Outputs& memory) {
  Shape shape = x.shape();
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  ASSIGN_OR_RETURN(Tensor out, memory.Make(DataType::kFloat, shape));
  const int64_t rows = shape[shape.size() - 1], columns = shape[shape.size() - 2], matrix = rows * columns;
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t row = i % matrix / columns, column = i % columns;
    out.mutable_data<float>()[i / matrix * matrix + column * rows + row] = x.data<float>()[i];
  }
  return out;
}

// alpha op(A) op(B), batched and broadcast like MatMul.
Maker MakeFusedMatMul(const KernelContext& context) {
  const Node& node = context.node;
  for (const char* flag : {"transBatchA", "transBatchB"}) {
    if (node.Int(flag, 0) != 0) return BadAttribute(absl::StrCat(flag, " of FusedMatMul is not supported"));
  }
  const bool turn_a = node.Int("transA", 0) != 0, turn_b = node.Int("transB", 0) != 0;
  const float alpha = node.Float("alpha", 1);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    Tensor a = *inputs[0], b = *inputs[1];
    if (a.rank() < 2 || b.rank() < 2) return BadShape("FusedMatMul needs matrices");
    if (turn_a) {
      ASSIGN_OR_RETURN(a, Transposed(a, outputs));
    }
    if (turn_b) {
      ASSIGN_OR_RETURN(b, Transposed(b, outputs));
    }
    const Shape batch_a(a.shape().begin(), a.shape().end() - 2), batch_b(b.shape().begin(), b.shape().end() - 2);
    const int64_t m = a.dim(a.rank() - 2), k = a.dim(a.rank() - 1), n = b.dim(b.rank() - 1);
    if (b.dim(b.rank() - 2) != k) {
      return BadShape(absl::StrCat("shapes ", ShapeString(inputs[0]->shape()), " and ",
                                   ShapeString(inputs[1]->shape()), " cannot be multiplied"));
    }
    ASSIGN_OR_RETURN(Shape batch, BroadcastShape(batch_a, batch_b));
    Shape shape = batch;
    shape.insert(shape.end(), {m, n});
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
    std::vector<int64_t> step_a = BroadcastStrides(batch_a, batch), step_b = BroadcastStrides(batch_b, batch);
    // ForEachRow walks all axes but the last, so an axis of 1 stands behind those of the batch.
    batch.push_back(1);
    step_a.push_back(0);
    step_b.push_back(0);
    float* y = out.mutable_data<float>();
    absl::Status status;
    ForEachRow(batch, {step_a, step_b}, [&](const std::vector<int64_t>& at) {
      status.Update(MatrixProduct(false, false, m, n, k, alpha, a.data<float>() + at[0] * m * k,
                                  b.data<float>() + at[1] * k * n, 0, y));
      y += m * n;
    });
    RETURN_IF_ERROR(status);
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

// Whether `tail` without leading ones is the end of `shape`: its elements then repeat in row-major order.
bool IsTail(const Shape& tail, const Shape& shape) {
  const auto first = std::find_if(tail.begin(), tail.end(), [](int64_t extent) { return extent != 1; });
  return tail.end() - first <= static_cast<std::ptrdiff_t>(shape.size()) &&
         std::equal(std::make_reverse_iterator(tail.end()), std::make_reverse_iterator(first), shape.rbegin());
}

// LayerNormalization of input + skip (+ bias). Inputs: input, skip, gamma, beta, bias; outputs: result, mean, inverse
// deviation, sum. The skip may lack leading axes.
Maker MakeSkipLayerNormalization(const KernelContext& context) {
  const double epsilon = context.node.Float("epsilon", 1e-12f);
  return MakeKernelFrom([epsilon](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    for (size_t i = 0; i < 3; ++i) RETURN_IF_ERROR(RequireFloat(inputs, i));
    for (size_t i = 3; i < inputs.size() && i < 5; ++i) {
      if (inputs[i] != nullptr) RETURN_IF_ERROR(RequireFloat(inputs, i));
    }
    const Tensor& x = *inputs[0];
    const Tensor& skip = *inputs[1];
    const Tensor* bias = inputs.size() > 4 ? inputs[4] : nullptr;
    if (x.rank() < 2 || !IsTail(skip.shape(), x.shape()) ||
        (bias != nullptr && bias->shape() != Shape{x.shape().back()})) {
      return BadShape(absl::StrCat("SkipLayerNormalization cannot add ", ShapeString(skip.shape()), " to ",
                                   ShapeString(x.shape())));
    }
    ASSIGN_OR_RETURN(Tensor sum, outputs.Make(DataType::kFloat, x.shape()));
    for (int64_t i = 0; i < x.size(); ++i) {
      const float shift = bias == nullptr ? 0.0f : bias->data<float>()[i % bias->size()];
      sum.mutable_data<float>()[i] = x.data<float>()[i] + skip.data<float>()[i % skip.size()] + shift;
    }
    const Inputs normalized = {&sum, inputs[2], inputs.size() > 3 ? inputs[3] : nullptr};
    RETURN_IF_ERROR(RunLayerNormalization(-1, epsilon, normalized, outputs));
    if (outputs.size() > 3) outputs[3] = std::move(sum);
    return absl::OkStatus();
  });
}

constexpr absl::string_view kDomain = "com.microsoft";
constexpr KernelEntry kEntries[] = {
    {"Gelu", 1, &MakeGelu<ExactGelu>, kDomain},
    {"BiasGelu", 1, &MakeGelu<ExactGelu>, kDomain},
    {"FastGelu", 1, &MakeGelu<TanhGelu>, kDomain},
    {"FusedMatMul", 1, &MakeFusedMatMul, kDomain},
    {"SkipLayerNormalization", 1, &MakeSkipLayerNormalization, kDomain},
};

}  // namespace

std::span<const KernelEntry> MicrosoftKernels() { return kEntries; }

}  // namespace quantd::cpu
