// Whether a result is what a case expects.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/tensor.h"

namespace quantd::onnx_backend {

// ONNX's own runner (onnx/backend/test/runner) compares with numpy.testing.assert_allclose at these.
inline constexpr double kRelativeTolerance = 1e-3;
inline constexpr double kAbsoluteTolerance = 1e-7;

// Types and shapes equal, |actual - expected| <= absolute + relative |expected|, NaN equal to NaN. The error names
// the first position that differs.
absl::Status CompareValues(const Tensor& expected, const Tensor& actual);

}  // namespace quantd::onnx_backend
