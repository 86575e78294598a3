#include "worker/backend/cpu/fourier.h"

#include <bit>
#include <numbers>
#include <utility>

namespace quantd::cpu {
namespace {

using Complex = Fourier::Complex;

// exp(-2 pi i numerator / denominator), with the fraction below 1 for the sake of precision.
Complex Root(uint64_t numerator, uint64_t denominator) {
  const double turn = static_cast<double>(numerator % denominator) / static_cast<double>(denominator);
  return std::polar(1.0, -2 * std::numbers::pi * turn);
}

// In place, decimation in time. `roots` are those of values.size(), a power of two.
void PowerOfTwo(std::vector<Complex>& values, const std::vector<Complex>& roots) {
  const size_t n = values.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(values[i], values[j]);
  }
  for (size_t length = 2; length <= n; length *= 2) {
    const size_t step = n / length;
    for (size_t begin = 0; begin < n; begin += length) {
      for (size_t k = 0; k < length / 2; ++k) {
        const Complex odd = values[begin + k + length / 2] * roots[k * step];
        values[begin + k + length / 2] = values[begin + k] - odd;
        values[begin + k] += odd;
      }
    }
  }
}

}  // namespace

Fourier::Fourier(int64_t n, bool inverse) : n_(static_cast<size_t>(n)), inverse_(inverse) {
  const bool direct = std::has_single_bit(n_);
  padded_ = direct ? n_ : std::bit_ceil(2 * n_ - 1);
  for (size_t k = 0; k < padded_ / 2; ++k) roots_.push_back(Root(k, padded_));
  if (direct) return;
  // j k = (j^2 + k^2 - (k - j)^2) / 2 turns the transform into a convolution with a chirp.
  filter_.assign(padded_, 0);
  for (size_t k = 0; k < n_; ++k) {
    chirp_.push_back(Root(static_cast<uint64_t>(k) * k, 2 * n_));
    filter_[k] = std::conj(chirp_[k]);
    if (k > 0) filter_[padded_ - k] = filter_[k];
  }
  PowerOfTwo(filter_, roots_);
}

void Fourier::Transform(std::vector<Complex>& values) const {
  // The inverse is the conjugate of the transform of the conjugate, divided by n.
  const auto conjugate = [&] {
    for (Complex& value : values) value = std::conj(value);
  };
  if (inverse_) conjugate();
  if (chirp_.empty()) {
    PowerOfTwo(values, roots_);
  } else {
    std::vector<Complex> work(padded_, 0);
    for (size_t k = 0; k < n_; ++k) work[k] = values[k] * chirp_[k];
    PowerOfTwo(work, roots_);
    // The product, transformed back by conjugation.
    for (size_t k = 0; k < padded_; ++k) work[k] = std::conj(work[k] * filter_[k]);
    PowerOfTwo(work, roots_);
    for (size_t k = 0; k < n_; ++k) {
      values[k] = std::conj(work[k]) / static_cast<double>(padded_) * chirp_[k];
    }
  }
  if (!inverse_) return;
  conjugate();
  for (Complex& value : values) value /= static_cast<double>(n_);
}

}  // namespace quantd::cpu
