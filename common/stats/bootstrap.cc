#include "common/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/random.h"
#include "common/stats/special_functions.h"

namespace quantd {
namespace {

absl::Status CheckInput(const std::vector<std::vector<double>>& columns,
                        const BootstrapOptions& options) {
  const auto invalid = [](absl::string_view message) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_BOOTSTRAP", message);
  };
  if (columns.empty() || columns[0].empty()) return invalid("there are no rows to resample");
  if (options.replicates < kBootstrapReplicatesMin ||
      options.replicates > kBootstrapReplicatesMax) {
    return invalid(absl::StrCat(options.replicates, " replicates: must lie between ",
                                kBootstrapReplicatesMin, " and ", kBootstrapReplicatesMax));
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].size() != columns[0].size()) {
      return invalid(absl::StrCat("column ", c, " has ", columns[c].size(),
                                  " rows, but column 0 has ", columns[0].size()));
    }
    for (size_t i = 0; i < columns[c].size(); ++i) {
      if (!std::isfinite(columns[c][i])) {
        return MakeError(absl::StatusCode::kInvalidArgument, "NON_FINITE_VALUE",
                         absl::StrCat("row ", i, " of column ", c, " is ", columns[c][i]));
      }
    }
  }
  return absl::OkStatus();
}

// Means of one replicate's rows. `rows` is row-major [rows, columns], so that a drawn row is one
// cache line.
void DrawReplicate(const std::vector<double>& rows, size_t columns, Random random, double* means) {
  const size_t count = rows.size() / columns;
  std::fill_n(means, columns, 0.0);
  for (size_t i = 0; i < count; ++i) {
    const double* row = &rows[random.Below(count) * columns];
    for (size_t c = 0; c < columns; ++c) means[c] += row[c];
  }
  for (size_t c = 0; c < columns; ++c) means[c] /= static_cast<double>(count);
}

// Runs work(begin, end) over [0, count) on up to `threads` threads. Which thread runs what changes
// nothing, so a machine that refuses a thread is served by the calling one.
template <typename Work>
void InParallel(int64_t count, int threads, const Work& work) {
  constexpr int kThreadsMax = 64;
  const int64_t parts = std::clamp<int64_t>(threads, 1, std::min<int64_t>(kThreadsMax, count));
  std::vector<std::thread> pool;
  for (int64_t part = 1; part < parts; ++part) {
    const int64_t begin = count * part / parts;
    const int64_t end = count * (part + 1) / parts;
    try {
      pool.emplace_back([&work, begin, end] { work(begin, end); });
    } catch (const std::system_error&) {
      work(begin, end);
    }
  }
  work(0, count / parts);
  for (std::thread& thread : pool) thread.join();
}

// The mean, exact for equal values: sums of equal terms round, and a constant column must stay
// constant.
double MeanOf(const std::vector<double>& values) {
  const double first = values[0];
  double sum = 0;
  for (const double value : values) sum += value - first;
  return first + sum / static_cast<double>(values.size());
}

// Bias correction z0: how far the replicates' median lies from the estimate. Ties count half on
// each side.
double BiasCorrection(const std::vector<double>& sorted, double estimate) {
  const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), estimate);
  const double below = static_cast<double>(low - sorted.begin());
  const double ties = static_cast<double>(high - low);
  return NormalQuantile((below + 0.5 * ties) / static_cast<double>(sorted.size()));
}

// Acceleration from the jackknife: sum d^3 / (6 (sum d^2)^1.5), d_i = mean of the leave-one-out
// values minus the i-th.
double Acceleration(const std::vector<double>& leave_one_out) {
  const double mean = MeanOf(leave_one_out);
  double squares = 0;
  double cubes = 0;
  for (const double value : leave_one_out) {
    const double d = mean - value;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares > 0 ? cubes / (6 * squares * std::sqrt(squares)) : 0;
}

// The level at which BCa reads the replicates for the normal quantile z. Outside the range where
// the correction is defined it goes to the extreme on z's side, which widens the interval.
double AdjustedLevel(double z, double bias, double acceleration) {
  const double shifted = bias + z;
  const double scale = 1 - acceleration * shifted;
  if (!(scale > 0)) return shifted < 0 ? 0 : 1;
  return NormalCdf(bias + shifted / scale);
}

}  // namespace

absl::StatusOr<Bootstrap> Bootstrap::Draw(std::vector<std::vector<double>> columns,
                                          const BootstrapOptions& options) {
  if (absl::Status status = CheckInput(columns, options); !status.ok()) return status;
  Bootstrap bootstrap;
  const size_t width = columns.size();
  const size_t count = columns[0].size();
  std::vector<double> rows(count * width);
  for (size_t c = 0; c < width; ++c) {
    bootstrap.means_.push_back(MeanOf(columns[c]));
    // Deviations from the first row, so that a constant column resamples to exactly itself.
    for (size_t i = 0; i < count; ++i) rows[i * width + c] = columns[c][i] - columns[c][0];
  }
  bootstrap.replicates_ = options.replicates;
  bootstrap.replicate_means_.resize(static_cast<size_t>(options.replicates) * width);
  const Random random(options.seed);
  InParallel(options.replicates, options.threads, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      double* means = &bootstrap.replicate_means_[static_cast<size_t>(r) * width];
      DrawReplicate(rows, width, random.Fork(static_cast<uint64_t>(r)), means);
      for (size_t c = 0; c < width; ++c) means[c] += columns[c][0];
    }
  });
  bootstrap.columns_ = std::move(columns);
  return bootstrap;
}

Bootstrap::Interval Bootstrap::Of(const Statistic& statistic, const Fraction& alpha,
                                  BootstrapKind kind) const {
  const size_t width = means_.size();
  Interval interval;
  interval.estimate = statistic(means_);
  std::vector<double> sorted;
  for (int32_t r = 0; r < replicates_; ++r) {
    const double value = statistic({&replicate_means_[static_cast<size_t>(r) * width], width});
    sorted.push_back(std::isnan(value) ? std::numeric_limits<double>::infinity() : value);
  }
  std::sort(sorted.begin(), sorted.end());
  interval.degenerate = sorted.front() == sorted.back();

  const Fraction tail = DivideLevel(alpha, 2);
  const int64_t n = replicates_;
  int64_t lower_rank = LowerRank(n, tail);
  int64_t upper_rank = UpperRank(n, tail);
  const double bias = BiasCorrection(sorted, interval.estimate);
  if (kind == BootstrapKind::kBca && rows() > 1 && std::isfinite(bias)) {
    const double rest = static_cast<double>(rows() - 1);
    std::vector<double> leave_one_out;
    std::vector<double> means(width);
    for (size_t i = 0; i < columns_[0].size(); ++i) {
      for (size_t c = 0; c < width; ++c) means[c] = means_[c] - (columns_[c][i] - means_[c]) / rest;
      leave_one_out.push_back(statistic(means));
    }
    const double acceleration = Acceleration(leave_one_out);
    const double z = NormalQuantile(tail.value());
    const double scale = static_cast<double>(n + 1);
    if (std::isfinite(acceleration)) {
      lower_rank = static_cast<int64_t>(std::floor(scale * AdjustedLevel(z, bias, acceleration)));
      upper_rank = static_cast<int64_t>(std::ceil(scale * AdjustedLevel(-z, bias, acceleration)));
    }
  }
  // The replicates are a simulation that could always be longer, not a sample that a promise rests
  // on: their extreme stands in for ranks beyond it.
  const auto at = [&](int64_t rank) {
    return sorted[static_cast<size_t>(std::clamp<int64_t>(rank, 1, n) - 1)];
  };
  interval.bounds = {at(lower_rank), at(upper_rank)};
  return interval;
}

Bootstrap::Interval Bootstrap::OfMean(size_t column, const Fraction& alpha,
                                      BootstrapKind kind) const {
  QUANTD_CHECK(column < means_.size());
  return Of([column](absl::Span<const double> means) { return means[column]; }, alpha, kind);
}

Bounds ConstantRowsBounds(double value, int64_t n, const Bounds& range, const Fraction& alpha) {
  // P(n rows all equal some v whose share is p_v <= s) = sum p_v^n <= s^(n-1) sum p_v <= s^(n-1),
  // which is alpha at s = alpha^(1/(n-1)).
  const double others =
      n >= 2 ? -std::expm1(std::log(alpha.value()) / static_cast<double>(n - 1)) : 1;
  Bounds bounds{value, value};
  if (range.lower < value) bounds.lower = value - others * (value - range.lower);
  if (range.upper > value) bounds.upper = value + others * (range.upper - value);
  return bounds;
}

}  // namespace quantd
