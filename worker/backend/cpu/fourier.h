// The discrete Fourier transform of any length, in double.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace quantd::cpu {

// Transforms vectors of one length: X[k] = sum over j of x[j] exp(-2 pi i j k / n), or with a positive exponent and divided
// by n when `inverse`. O(n log n) for every n (Bluestein's algorithm where n is no power of two). Immutable; thread-safe.
class Fourier {
 public:
  using Complex = std::complex<double>;

  // REQUIRES: 1 <= n <= 2^32.
  Fourier(int64_t n, bool inverse);

  // In place. REQUIRES: values.size() is n.
  void Transform(std::vector<Complex>& values) const;

 private:
  const size_t n_;
  const bool inverse_;
  size_t padded_ = 0;             // The power of two that is transformed; n_ itself where that is one.
  std::vector<Complex> roots_;    // exp(-2 pi i k / padded_), k < padded_ / 2
  std::vector<Complex> chirp_;    // exp(-pi i k^2 / n); empty where n is a power of two.
  std::vector<Complex> filter_;   // The transform of the chirp's conjugate, wrapped around.
};

}  // namespace quantd::cpu
