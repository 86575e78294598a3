// Compares one tensor of the quantized model with its full-precision twin, streamed batch by batch.
//
// Not thread-safe: score batches side by side into one object each and Merge() them in batch order,
// which fixes the order of summation and so the bits, whatever the number of threads.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/graph/tensor.h"

namespace quantd {

inline constexpr double kSqnrDbMax = 200;  // What an exact match reports.

// 10 log10(signal / noise), within [-200, 200]; 200 when the noise is 0 (also of zeros), -200 when
// only the signal is 0 or one is not finite.
double SqnrDb(double signal, double noise);

// noise / signal; 0 when the noise is 0, +inf where SqnrDb() is -200.
double RelativeMse(double signal, double noise);

class LayerComparison {
 public:
  // Errors: INVALID_ARGUMENT: the shapes or types differ, or the type is not float, double, int32
  // or int64.
  absl::Status Add(const Tensor& reference, const Tensor& quantized);
  // REQUIRES: equal lengths.
  void Add(absl::Span<const float> reference, absl::Span<const float> quantized);

  void Merge(const LayerComparison& later);

  // SqnrDb(sum x^2, sum (x - q)^2).
  double SqnrDb() const;

  // sum x q / sqrt(sum x^2 sum q^2); 1 when both are zero, 0 when one is or a value is not finite.
  double Cosine() const;

  // RelativeMse(sum x^2, sum (x - q)^2).
  double RelativeMse() const;

  int64_t count() const { return count_; }

 private:
  void AddSums(double signal, double noise, double quantized, double product, int64_t count);

  double signal_ = 0;     // sum x^2
  double noise_ = 0;      // sum (x - q)^2
  double quantized_ = 0;  // sum q^2
  double product_ = 0;    // sum x q
  int64_t count_ = 0;
};

}  // namespace quantd
