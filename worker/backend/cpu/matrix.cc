// MatMul and Gemm, by oneDNN.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/kernel_support.h"
#include "worker/backend/cpu/onednn.h"

namespace quantd::cpu {
namespace {

absl::Status Mismatch(const Tensor& a, const Tensor& b) {
  return BadShape(absl::StrCat("shapes ", ShapeString(a.shape()), " and ", ShapeString(b.shape()),
                               " cannot be multiplied"));
}

// NumPy's matmul: the last two axes are matrices, those before are broadcast; vectors get an axis of 1.
absl::Status RunMatMul(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  RETURN_IF_ERROR(RequireFloat(inputs, 1));
  if (inputs[0]->rank() == 0 || inputs[1]->rank() == 0) return Mismatch(*inputs[0], *inputs[1]);
  Shape a = inputs[0]->shape(), b = inputs[1]->shape();
  const bool vector_a = a.size() == 1, vector_b = b.size() == 1;
  if (vector_a) a.insert(a.begin(), 1);
  if (vector_b) b.push_back(1);
  int64_t m = a[a.size() - 2];
  const int64_t k = a.back(), n = b.back();
  if (b[b.size() - 2] != k) return Mismatch(*inputs[0], *inputs[1]);
  const Shape batch_a(a.begin(), a.end() - 2), batch_b(b.begin(), b.end() - 2);
  ASSIGN_OR_RETURN(const Shape batch, BroadcastShape(batch_a, batch_b));
  Shape shape = batch;
  if (!vector_a) shape.push_back(m);
  if (!vector_b) shape.push_back(n);
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, shape));
  const float* x = inputs[0]->data<float>();
  const float* w = inputs[1]->data<float>();
  float* y = out.mutable_data<float>();
  if (out.size() > 0 && batch_b.empty()) {
    // One matrix for all: a single tall product.
    for (const int64_t extent : batch) m *= extent;
    RETURN_IF_ERROR(MatrixProduct(false, false, m, n, k, 1, x, w, 0, y));
  } else if (out.size() > 0) {
    // ForEachRow walks all axes but the last, so an axis of 1 stands behind those of the batch.
    Shape walked = batch;
    walked.push_back(1);
    const auto strides = [&](const Shape& own, int64_t matrix) {
      std::vector<int64_t> result = BroadcastStrides(own, batch);
      for (int64_t& stride : result) stride *= matrix;
      result.push_back(0);
      return result;
    };
    absl::Status status;
    ForEachRow(walked, {strides(batch_a, m * k), strides(batch_b, k * n), strides(batch, m * n)},
               [&](const std::vector<int64_t>& at) {
                 status.Update(MatrixProduct(false, false, m, n, k, 1, x + at[0], w + at[1], 0,
                                             y + at[2]));
               });
    RETURN_IF_ERROR(status);
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeMatMul(const KernelContext&) {
  return MakeKernelFrom(&RunMatMul);
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeGemm(const KernelContext& context) {
  const bool transpose_a = context.node.Int("transA", 0) != 0;
  const bool transpose_b = context.node.Int("transB", 0) != 0;
  const float alpha = context.node.Float("alpha", 1), beta = context.node.Float("beta", 1);
  return MakeKernelFrom([=](const Inputs& inputs, Outputs& outputs) -> absl::Status {
    RETURN_IF_ERROR(RequireFloat(inputs, 0));
    RETURN_IF_ERROR(RequireFloat(inputs, 1));
    const Tensor& a = *inputs[0];
    const Tensor& b = *inputs[1];
    if (a.rank() != 2 || b.rank() != 2) return Mismatch(a, b);
    const int64_t m = a.dim(transpose_a ? 1 : 0), k = a.dim(transpose_a ? 0 : 1);
    const int64_t n = b.dim(transpose_b ? 0 : 1);
    if (b.dim(transpose_b ? 1 : 0) != k) return Mismatch(a, b);
    ASSIGN_OR_RETURN(Tensor out, outputs.Make(DataType::kFloat, {m, n}));
    float* y = out.mutable_data<float>();
    const bool has_bias = inputs.size() > 2 && inputs[2] != nullptr;
    if (has_bias) {
      RETURN_IF_ERROR(RequireFloat(inputs, 2));
      const Tensor& c = *inputs[2];
      ASSIGN_OR_RETURN(const Shape shape, BroadcastShape(c.shape(), out.shape()));
      if (shape != out.shape()) return Mismatch(c, out);
      const std::vector<int64_t> strides = BroadcastStrides(c.shape(), shape);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          y[i * n + j] = beta * c.data<float>()[i * strides[0] + j * strides[1]];
        }
      }
    }
    RETURN_IF_ERROR(MatrixProduct(transpose_a, transpose_b, m, n, k, alpha, a.data<float>(),
                                  b.data<float>(), has_bias ? 1 : 0, y));
    outputs[0] = std::move(out);
    return absl::OkStatus();
  });
}

constexpr KernelEntry kEntries[] = {{"MatMul", 1, &MakeMatMul}, {"Gemm", 7, &MakeGemm}};

}  // namespace

std::span<const KernelEntry> MatrixKernels() { return kEntries; }

}  // namespace quantd::cpu
