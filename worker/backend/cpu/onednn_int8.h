// Convolutions and matrix products of 8-bit codes by oneDNN, with the codes of the result made on the way. Like onednn.h,
// whose rules hold here too.
//
// Sums are exact where CpuSumsBytesExactly() (worker/backend/backend.h) says so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/backend/cpu/window.h"
#include "worker/graph/tensor.h"

namespace quantd::cpu {

// sum = sum over k of (x - x_zero) w + bias, y = max(sum * scale, 0 if relu). Float results are y; codes are
// saturate(round_half_even(y) + y_zero), so `scale` then holds 1 / (scale of y).
struct IntegerResult {
  DataType dtype = DataType::kFloat;  // kFloat, kUint8 or kInt8.
  std::vector<float> scale;           // One, or one an output channel.
  int32_t zero_point = 0;             // 0 for floats.
  bool relu = false;
};

class OneDnnIntegerConvolution {
 public:
  struct Problem {
    std::vector<int64_t> input;   // [N, C, H, W], whatever the layout.
    std::vector<int64_t> weight;  // [O, C / groups, h, w], int8 codes with zero point 0.
    int64_t groups = 1;
    Window window;
    DataType input_type = DataType::kUint8;  // Or kInt8.
    int32_t input_zero_point = 0;
    bool has_bias = false;
    IntegerResult result;
    bool channels_last = false;
  };

  // `bias` [O] int32 in units of the sums.
  static absl::StatusOr<std::unique_ptr<OneDnnIntegerConvolution>> Create(const Problem& problem,
                                                                          const int8_t* weights,
                                                                          const int32_t* bias);
  ~OneDnnIntegerConvolution();
  size_t scratch_bytes() const;
  absl::Status Run(const void* input, void* scratch, void* output) const;

 private:
  struct Impl;
  explicit OneDnnIntegerConvolution(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Y [M, N] from X [M, K] and W [K, N], row-major.
class OneDnnIntegerProduct {
 public:
  struct Problem {
    int64_t m = 0, n = 0, k = 0;
    bool transposed_weight = false;  // W is stored [N, K].
    DataType input_type = DataType::kUint8;
    int32_t input_zero_point = 0;
    bool has_bias = false;
    IntegerResult result;
  };

  static absl::StatusOr<std::unique_ptr<OneDnnIntegerProduct>> Create(const Problem& problem,
                                                                      const int8_t* weights,
                                                                      const int32_t* bias);
  ~OneDnnIntegerProduct();
  size_t scratch_bytes() const;
  absl::Status Run(const void* input, void* scratch, void* output) const;

 private:
  struct Impl;
  explicit OneDnnIntegerProduct(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantd::cpu
