// A histogram whose range is [-R, R) with R a power of two, so that growing the range and merging histograms are exact
// integer operations: shards observed in any order, on any number of workers, give the same counts.
//
// Exact zeros, NaN and infinities are counted apart: a spike of zeros behind a ReLU must not hide what lies around it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/kernels/kernel_table.h"

namespace quantd {

class PowerOfTwoHistogram {
 public:
  static constexpr int kDefaultBins = 4096;

  // REQUIRES: bins is a positive multiple of 4.
  explicit PowerOfTwoHistogram(int bins = kDefaultBins);

  // Counts the values. R grows to the smallest power of two above their largest magnitude.
  void Update(absl::Span<const float> values);
  // The same where the caller has measured the finite range of what `values` are a part of; each counts `times` times.
  void Update(absl::Span<const float> values, const ValueRange& range, uint64_t times = 1);

  // Adds the other's counts. REQUIRES: equal numbers of bins.
  void Merge(const PowerOfTwoHistogram& other);

  // The smallest x below which lies a share of at least `q` of the finite values, zeros included, with linear
  // interpolation inside a bin. 0 when nothing was counted. REQUIRES: 0 <= q <= 1.
  double Quantile(double q) const;

  int bins() const { return static_cast<int>(counts_.size()) - kOddCounters; }
  // R; 0 before the first value other than zero.
  double radius() const;
  double bin_width() const { return 2 * radius() / bins(); }
  // Bin i covers [lower(i), lower(i + 1)).
  double lower(int bin) const { return (bin - bins() / 2) * bin_width(); }
  absl::Span<const uint64_t> counts() const {
    return absl::MakeConstSpan(counts_).subspan(0, counts_.size() - kOddCounters);
  }
  uint64_t zeros() const { return zeros_; }
  uint64_t not_a_number() const { return not_a_number_; }
  uint64_t infinite() const { return infinite_; }
  // Finite values, zeros included.
  uint64_t total() const;

  std::string Serialize() const;
  // INVALID_ARGUMENT for bytes that Serialize() did not write. Consumes them from the front of `bytes`.
  static absl::StatusOr<PowerOfTwoHistogram> Parse(absl::string_view& bytes);

  friend bool operator==(const PowerOfTwoHistogram&, const PowerOfTwoHistogram&) = default;

 private:
  void GrowTo(int exponent);
  size_t size() const { return static_cast<size_t>(bins()); }
  void Count(absl::Span<const float> values, float scale, uint64_t times);
  void CountOneByOne(absl::Span<const float> values, uint64_t times);

  // R = 2^exponent_.
  static constexpr int kNoExponent = -10000;
  int exponent_ = kNoExponent;
  uint64_t zeros_ = 0;
  uint64_t not_a_number_ = 0;
  uint64_t infinite_ = 0;
  std::vector<uint64_t> counts_;  // The bins, and kOddCounters that are 0 between calls.
};

}  // namespace quantd
