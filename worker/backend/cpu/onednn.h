// The one place that knows oneDNN: a convolution and a matrix product behind plain functions. Its exceptions become Status
// here. Everything runs on the calling thread's OpenMP setting.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/cpu/window.h"

namespace quantd::cpu {

// What happens to a result before it is stored: "" for nothing, "relu", "leaky_relu" (slope alpha), "clip" (to [alpha,
// beta]), "sigmoid", "tanh", "elu" (alpha), "hard_swish", "silu", "gelu_erf", "gelu_tanh".
struct FusedActivation {
  std::string name;
  float alpha = 0;
  float beta = 0;
};
// Whether oneDNN can apply it to a result before it is stored.
bool IsFusible(const FusedActivation& activation);

// A float convolution for one input shape: y = activation(conv(x, w) + bias + residual). Weights are brought into
// the library's layout once. Immutable after Create(): Run() is thread-safe.
class OneDnnConvolution {
 public:
  struct Problem {
    std::vector<int64_t> input;   // [N, C, spatial...], two or three spatial axes, whatever the layout.
    std::vector<int64_t> weight;  // [O, C / groups, spatial...]
    int64_t groups = 1;
    Window window;
    bool has_bias = false;
    bool has_residual = false;
    FusedActivation activation;
    // Input, residual and output are [N, spatial..., C] in memory instead of [N, C, spatial...].
    bool channels_last = false;
  };

  static absl::StatusOr<std::unique_ptr<OneDnnConvolution>> Create(const Problem& problem,
                                                                   const float* weights,
                                                                   const float* bias);
  ~OneDnnConvolution();

  // What Run() needs besides, 64-byte aligned.
  size_t scratch_bytes() const;

  // `residual` has the output's shape and is null when there is none; it may be `output` itself.
  absl::Status Run(const float* input, const float* residual, void* scratch, float* output) const;

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
