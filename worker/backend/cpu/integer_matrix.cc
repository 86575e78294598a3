// MatMulInteger, QLinearMatMul and DynamicQuantizeLinear: exact 32-bit sums of 8-bit codes.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/backend/cpu/integer_codes.h"
#include "worker/backend/cpu/kernel_support.h"

namespace quantd::cpu {
namespace {

// NumPy's matmul over codes: shapes resolved, one product a matrix of the batch.
struct BatchedProduct {
  Shape output;  // Of the operator.
  Shape batch_a, batch_b, batch;
  IntegerProduct product;
};

absl::StatusOr<BatchedProduct> Resolve(const Tensor& first, const Tensor& second) {
  Shape a = first.shape(), b = second.shape();
  const auto mismatch = [&] {
    return BadShape(absl::StrCat("shapes ", ShapeString(first.shape()), " and ", ShapeString(second.shape()),
                                 " cannot be multiplied"));
  };
  if (a.empty() || b.empty()) return mismatch();
  const bool vector_a = a.size() == 1, vector_b = b.size() == 1;
  if (vector_a) a.insert(a.begin(), 1);
  if (vector_b) b.push_back(1);
  BatchedProduct resolved{.batch_a = Shape(a.begin(), a.end() - 2), .batch_b = Shape(b.begin(), b.end() - 2)};
  resolved.product.m = a[a.size() - 2];
  resolved.product.k = a.back();
  resolved.product.n = b.back();
  if (b[b.size() - 2] != resolved.product.k) return mismatch();
  ASSIGN_OR_RETURN(resolved.batch, BroadcastShape(resolved.batch_a, resolved.batch_b));
  resolved.output = resolved.batch;
  if (!vector_a) resolved.output.push_back(resolved.product.m);
  if (!vector_b) resolved.output.push_back(resolved.product.n);
  return resolved;
}

// int32 sums in the shape of the output.
absl::StatusOr<Tensor> Multiply(const Tensor& a, const Tensor& b, const BatchedProduct& resolved,
                                Outputs& outputs) {
  ASSIGN_OR_RETURN(Tensor sums, outputs.Make(DataType::kInt32, resolved.output));
  const IntegerProduct& product = resolved.product;
  // ForEachRow walks all axes but the last, so an axis of 1 stands behind those of the batch.
  Shape walked = resolved.batch;
  walked.push_back(1);
  const auto strides = [&](const Shape& own, int64_t matrix) {
    std::vector<int64_t> result = BroadcastStrides(own, resolved.batch);
    for (int64_t& stride : result) stride *= matrix;
    result.push_back(0);
    return result;
  };
  absl::Status status;
  ForEachRow(walked,
             {strides(resolved.batch_a, product.m * product.k), strides(resolved.batch_b, product.k * product.n),
              strides(resolved.batch, product.m * product.n)},
             [&](const std::vector<int64_t>& at) {
               if (!status.ok()) return;
               status = product.Run(a, at[0], b, at[1], sums.mutable_data<int32_t>() + at[2]);
             });
  RETURN_IF_ERROR(status);
  return sums;
}

absl::Status RunMatMulInteger(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireBytes(inputs, 0));
  RETURN_IF_ERROR(RequireBytes(inputs, 1));
  ASSIGN_OR_RETURN(BatchedProduct resolved, Resolve(*inputs[0], *inputs[1]));
  ASSIGN_OR_RETURN(resolved.product.a_zero, ZeroPoints(inputs, 2, 0, resolved.product.m));
  ASSIGN_OR_RETURN(resolved.product.b_zero, ZeroPoints(inputs, 3, 1, resolved.product.n));
  ASSIGN_OR_RETURN(outputs[0], Multiply(*inputs[0], *inputs[1], resolved, outputs));
  return absl::OkStatus();
}

// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point.
absl::Status RunQLinearMatMul(const Inputs& inputs, Outputs& outputs) {
  for (const size_t codes : {0, 3, 7}) RETURN_IF_ERROR(RequireBytes(inputs, codes));
  ASSIGN_OR_RETURN(BatchedProduct resolved, Resolve(*inputs[0], *inputs[3]));
  IntegerProduct& product = resolved.product;
  ASSIGN_OR_RETURN(product.a_zero, ZeroPoints(inputs, 2, 0, product.m));
  ASSIGN_OR_RETURN(product.b_zero, ZeroPoints(inputs, 5, 3, product.n));
  ASSIGN_OR_RETURN(const std::vector<float> a_scale, Scales(inputs, 1, product.m));
  ASSIGN_OR_RETURN(const std::vector<float> b_scale, Scales(inputs, 4, product.n));
  ASSIGN_OR_RETURN(const std::vector<float> y_scale, Scales(inputs, 6, 1));
  ASSIGN_OR_RETURN(const std::vector<int32_t> y_zero, ZeroPoints(inputs, 7, 7, 1));
  ASSIGN_OR_RETURN(const Tensor sums, Multiply(*inputs[0], *inputs[3], resolved, outputs));
  ASSIGN_OR_RETURN(Tensor out, outputs.Make(inputs[7]->dtype(), sums.shape()));
  auto* y = static_cast<uint8_t*>(out.mutable_raw());
  for (int64_t i = 0; i < sums.size(); ++i) {
    const int64_t row = i / product.n % product.m;
    const float multiplier = OfChannel(a_scale, row) * OfChannel(b_scale, i % product.n) / y_scale[0];
    y[i] = Requantize(sums.data<int32_t>()[i], multiplier, y_zero[0], out.dtype());
  }
  outputs[0] = std::move(out);
  return absl::OkStatus();
}

// uint8 codes over the range of the values, widened to contain 0 (ONNX, DynamicQuantizeLinear). Where all values are
// 0 any scale does; it is 1, as in ONNX Runtime.
absl::Status RunDynamicQuantize(const Inputs& inputs, Outputs& outputs) {
  RETURN_IF_ERROR(RequireFloat(inputs, 0));
  const Tensor& x = *inputs[0];
  const float* values = x.data<float>();
  float lowest = 0, highest = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    lowest = std::min(lowest, values[i]);
    highest = std::max(highest, values[i]);
  }
  const float scale = highest == lowest ? 1.0f : (highest - lowest) / 255.0f;
  // Infinite values have no scale: their quotient is NaN, which has no code.
  const float zero_point = Saturated<uint8_t>(std::nearbyintf(-lowest / scale));
  Tensor codes(DataType::kUint8, x.shape());
  uint8_t* y = codes.mutable_data<uint8_t>();
  for (int64_t i = 0; i < x.size(); ++i) {
    const float code = std::nearbyintf(values[i] / scale) + zero_point;
    y[i] = static_cast<uint8_t>(code > 0 ? std::min(code, 255.0f) : 0.0f);
  }
  outputs[0] = std::move(codes);
  if (outputs.size() > 1) outputs[1] = Tensor::Scalar(scale);
  if (outputs.size() > 2) outputs[2] = Tensor::Scalar(static_cast<uint8_t>(zero_point));
  return absl::OkStatus();
}

template <absl::Status (*run)(const Inputs&, Outputs&)>
absl::StatusOr<std::unique_ptr<Kernel>> Make(const KernelContext&) {
  return MakeKernelFrom(run);
}

constexpr KernelEntry kEntries[] = {
    {"MatMulInteger", 10, &Make<RunMatMulInteger>},
    {"QLinearMatMul", 10, &Make<RunQLinearMatMul>},
    {"DynamicQuantizeLinear", 11, &Make<RunDynamicQuantize>},
};

}  // namespace

std::span<const KernelEntry> IntegerMatrixKernels() { return kEntries; }

}  // namespace quantd::cpu
