#include "worker/quality/layer_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace quantd {
namespace {

struct Sums {
  double signal = 0;
  double noise = 0;
  double quantized = 0;
  double product = 0;
};

template <typename T>
Sums SumOf(const T* reference, const T* quantized, int64_t count) {
  Sums sums;
  for (int64_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(reference[i]);
    const double q = static_cast<double>(quantized[i]);
    sums.signal += x * x;
    sums.noise += (x - q) * (x - q);
    sums.quantized += q * q;
    sums.product += x * q;
  }
  return sums;
}

}  // namespace

absl::Status LayerComparison::Add(const Tensor& reference, const Tensor& quantized) {
  if (reference.dtype() != quantized.dtype() || reference.shape() != quantized.shape()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "can not compare ", DataTypeName(reference.dtype()), " ", ShapeString(reference.shape()),
        " with ", DataTypeName(quantized.dtype()), " ", ShapeString(quantized.shape())));
  }
  Sums sums;
  const int64_t count = reference.size();
  switch (reference.dtype()) {
    case DataType::kFloat:
      sums = SumOf(reference.data<float>(), quantized.data<float>(), count);
      break;
    case DataType::kDouble:
      sums = SumOf(reference.data<double>(), quantized.data<double>(), count);
      break;
    case DataType::kInt32:
      sums = SumOf(reference.data<int32_t>(), quantized.data<int32_t>(), count);
      break;
    case DataType::kInt64:
      sums = SumOf(reference.data<int64_t>(), quantized.data<int64_t>(), count);
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("can not compare tensors of type ", DataTypeName(reference.dtype())));
  }
  AddSums(sums.signal, sums.noise, sums.quantized, sums.product, count);
  return absl::OkStatus();
}

void LayerComparison::Add(absl::Span<const float> reference, absl::Span<const float> quantized) {
  const int64_t count = static_cast<int64_t>(std::min(reference.size(), quantized.size()));
  const Sums sums = SumOf(reference.data(), quantized.data(), count);
  AddSums(sums.signal, sums.noise, sums.quantized, sums.product, count);
}

void LayerComparison::Merge(const LayerComparison& later) {
  AddSums(later.signal_, later.noise_, later.quantized_, later.product_, later.count_);
}

void LayerComparison::AddSums(double signal, double noise, double quantized, double product,
                              int64_t count) {
  signal_ += signal;
  noise_ += noise;
  quantized_ += quantized;
  product_ += product;
  count_ += count;
}

double LayerComparison::SqnrDb() const { return quantd::SqnrDb(signal_, noise_); }

double LayerComparison::Cosine() const {
  if (!std::isfinite(signal_) || !std::isfinite(quantized_) || !std::isfinite(product_)) return 0;
  if (noise_ == 0) return 1;  // Exactly, whatever the square roots round to.
  if (signal_ > 0 && quantized_ > 0) {
    return std::clamp(product_ / (std::sqrt(signal_) * std::sqrt(quantized_)), -1.0, 1.0);
  }
  return 0;
}

double LayerComparison::RelativeMse() const { return quantd::RelativeMse(signal_, noise_); }

double SqnrDb(double signal, double noise) {
  if (noise == 0) return kSqnrDbMax;
  if (!(signal > 0) || !std::isfinite(signal) || !std::isfinite(noise)) return -kSqnrDbMax;
  return std::clamp(10 * std::log10(signal / noise), -kSqnrDbMax, kSqnrDbMax);
}

double RelativeMse(double signal, double noise) {
  if (noise == 0) return 0;
  if (!(signal > 0) || !std::isfinite(signal) || !std::isfinite(noise)) {
    return std::numeric_limits<double>::infinity();
  }
  return noise / signal;
}

}  // namespace quantd
