// The one place that knows oneDNN: a convolution and a matrix product behind plain functions. Its exceptions become Status
// here. Everything runs on the calling thread's OpenMP setting.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {

// A float convolution for one input shape. oneDNN chooses the memory layouts; weights are brought into theirs once.
// Immutable after Create(): Run() is thread-safe.
class OneDnnConvolution {
 public:
  struct Problem {
    std::vector<int64_t> input;   // [N, C, spatial...], two or three spatial axes.
    std::vector<int64_t> weight;  // [O, C / groups, spatial...]
    int64_t groups = 1;
    Window window;
    bool has_bias = false;
  };

  static absl::StatusOr<std::unique_ptr<OneDnnConvolution>> Create(const Problem& problem,
                                                                   const float* weights,
                                                                   const float* bias);
  ~OneDnnConvolution();

  // Row-major tensors: `input` as in the problem, `output` [N, O, window.output...].
  absl::Status Run(const float* input, float* output) const;

 private:
  struct Impl;
  explicit OneDnnConvolution(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// C = alpha op(A) op(B) + beta C, row-major. op(A) is [M, K], op(B) [K, N], C [M, N].
absl::Status MatrixProduct(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                           float alpha, const float* a, const float* b, float beta, float* c);

// The same with rows that lie lda, ldb and ldc elements apart.
struct MatrixOperand {
  const float* data;
  int64_t stride;
  bool transposed = false;
};
absl::Status StridedMatrixProduct(int64_t m, int64_t n, int64_t k, float alpha, const MatrixOperand& a,
                                  const MatrixOperand& b, float beta, float* c, int64_t c_stride);

}  // namespace quantd::cpu
