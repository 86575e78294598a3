// Float arithmetic with NumPy broadcasting, for operators that contain an addition or a product.
#pragma once

#include "absl/status/status.h"
#include "worker/backend/backend.h"

namespace quantd::cpu {

// sum = a + b, product = a * b. REQUIRES: both float. Errors: BAD_SHAPE.
absl::Status BroadcastAdd(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& sum);
absl::Status BroadcastMul(const Tensor& a, const Tensor& b, Outputs& outputs, Tensor& product);

}  // namespace quantd::cpu
