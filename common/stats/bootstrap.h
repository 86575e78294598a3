// The nonparametric bootstrap (Efron 1979) of statistics of row means, percentile and
// bias-corrected accelerated (BCa, Efron 1987). Rows are resampled whole, so every column of a row
// travels together: that is what makes a difference of two models paired, and a ratio of two sums
// honest.
//
// Replicate r draws from Random(seed).Fork(r), and sums run in a fixed order, so the result is the
// same bits for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/stats/fraction.h"
#include "common/stats/proportion.h"

namespace quantd {

inline constexpr int32_t kBootstrapReplicatesMin = 100;
inline constexpr int32_t kBootstrapReplicatesMax = 1'000'000;
inline constexpr int32_t kBootstrapReplicatesDefault = 10'000;

struct BootstrapOptions {
  int32_t replicates = kBootstrapReplicatesDefault;
  uint64_t seed = 0;
  int threads = 1;  // Changes no bit of the result.
};

enum class BootstrapKind { kPercentile, kBca };

// Resampled means of several columns over the same rows, drawn once and used for every statistic.
class Bootstrap {
 public:
  // columns[c][i] is row i's value in column c. Takes O(replicates * rows * columns) time and
  // O(replicates * columns) memory. The columns are copied.
  //
  // Errors: INVALID_ARGUMENT, reason INVALID_BOOTSTRAP: no rows, columns of different lengths,
  // replicates out of range. Reason NON_FINITE_VALUE: a value is NaN or infinite (its column and
  // row are named).
  static absl::StatusOr<Bootstrap> Draw(std::vector<std::vector<double>> columns,
                                        const BootstrapOptions& options);

  // A statistic of the column means, for example the mean of column 0, or a ratio of two means.
  using Statistic = std::function<double(absl::Span<const double> means)>;

  struct Interval {
    double estimate = 0;  // The statistic of the rows themselves.
    Bounds bounds;
    // All replicates agree (to the last bit) with the estimate: the interval has no width and
    // promises nothing. The caller must use a bound that does not rest on resampling; see
    // docs/decisions/0002.
    bool degenerate = false;
  };

  // Two-sided, alpha/2 in each tail. A statistic that is NaN in a replicate sorts above everything.
  Interval Of(const Statistic& statistic, const Fraction& alpha, BootstrapKind kind) const;

  // Of() the mean of one column.
  Interval OfMean(size_t column, const Fraction& alpha, BootstrapKind kind) const;

  // The mean of a column of the rows themselves.
  double Mean(size_t column) const { return means_[column]; }

  int64_t rows() const { return static_cast<int64_t>(columns_[0].size()); }
  int32_t replicates() const { return replicates_; }

 private:
  Bootstrap() = default;

  std::vector<std::vector<double>> columns_;
  std::vector<double> means_;            // Of the rows themselves, one a column.
  std::vector<double> replicate_means_;  // [replicates, columns]
  int32_t replicates_ = 0;
};

// Bounds for the mean of a population with values in [range.lower, range.upper] of which n rows
// were seen, all equal to `value`: at most a share 1 - alpha^(1/(n-1)) of the population differs,
// and that share may sit anywhere in the range. Covers at least 1 - alpha for every n >= 2 (one row
// names the value, the others test it). Ends of the range may be infinite; an end at which `value`
// itself lies stays.
Bounds ConstantRowsBounds(double value, int64_t n, const Bounds& range, const Fraction& alpha);

}  // namespace quantd
