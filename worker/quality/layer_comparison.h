// Compares one tensor of the quantized model with its full-precision twin, streamed batch by batch.
//
// Not thread-safe: score batches side by side into one object each and Merge() them in batch order, which fixes the order
// of summation and so the bits, whatever the number of threads.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/graph/tensor.h"

namespace quantd {

inline constexpr double kSqnrDbMax = 200;  // What an exact match reports.

class LayerComparison {
 public:
  // Errors: INVALID_ARGUMENT: the shapes or types differ, or the type is not float, double, int32 or int64. INTERNAL never.
  absl::Status Add(const Tensor& reference, const Tensor& quantized);
  void Add(absl::Span<const float> reference, absl::Span<const float> quantized);

  void Merge(const LayerComparison& later);

  // 10 log10(sum x^2 / sum (x - q)^2), within [-200, 200]; 200 for an exact match (also of zeros), -200 when the reference is
  // zero and the quantized tensor is not, or when a value is not finite.
  double SqnrDb() const;

  // sum x q / sqrt(sum x^2 sum q^2); 1 when both are zero, 0 when one is or a value is not finite.
  double Cosine() const;

  // sum (x - q)^2 / sum x^2; 0 for an exact match, +inf where SqnrDb() is -200.
  double RelativeMse() const;

  int64_t count() const { return count_; }

 private:
  double signal_ = 0;     // sum x^2
  double noise_ = 0;      // sum (x - q)^2
  double quantized_ = 0;  // sum q^2
  double product_ = 0;    // sum x q
  int64_t count_ = 0;
};

}  // namespace quantd
