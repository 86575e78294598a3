#include "worker/methods/entropy_clip.h"

#include <cmath>
#include <limits>
#include <vector>

#include "common/check.h"

namespace quantd {
namespace {

std::vector<double> WithoutZeroSpike(absl::Span<const double> histogram) {
  std::vector<double> h(histogram.begin(), histogram.end());
  if (h.size() > 1) h[0] = h[1];
  return h;
}

// `h` has no spike any more; `tail` is the mass from bin `bins` on.
double Divergence(const std::vector<double>& h, int levels, int bins, double tail) {
  std::vector<double> q(static_cast<size_t>(bins), 0.0);
  double p_sum = tail, q_sum = 0;
  for (int begin = 0; begin < bins;) {
    // Bins j with the same floor(j * levels / bins) share one level.
    const int64_t level = int64_t{begin} * levels / bins;
    int end = begin;
    double sum = 0;
    int filled = 0;
    for (; end < bins && int64_t{end} * levels / bins == level; ++end) {
      sum += h[static_cast<size_t>(end)];
      filled += h[static_cast<size_t>(end)] > 0;
    }
    for (int j = begin; j < end; ++j) {
      if (h[static_cast<size_t>(j)] > 0) q[static_cast<size_t>(j)] = sum / filled;
    }
    p_sum += sum;
    q_sum += sum;
    begin = end;
  }
  if (p_sum == 0 || q_sum == 0) return std::numeric_limits<double>::infinity();
  double divergence = 0;
  for (int j = 0; j < bins; ++j) {
    const double mass = h[static_cast<size_t>(j)] + (j == bins - 1 ? tail : 0);
    if (mass == 0) continue;
    if (q[static_cast<size_t>(j)] == 0) return std::numeric_limits<double>::infinity();
    const double p = mass / p_sum;
    divergence += p * std::log(p / (q[static_cast<size_t>(j)] / q_sum));
  }
  return divergence;
}

}  // namespace

double EntropyOfClip(absl::Span<const double> histogram, int levels, int bins) {
  const std::vector<double> h = WithoutZeroSpike(histogram);
  double tail = 0;
  for (size_t i = static_cast<size_t>(bins); i < h.size(); ++i) tail += h[i];
  return Divergence(h, levels, bins, tail);
}

int EntropyClipBins(absl::Span<const double> histogram, int levels, int start) {
  QUANTD_CHECK(start >= 2 && levels >= 1);
  const std::vector<double> h = WithoutZeroSpike(histogram);
  const int size = static_cast<int>(h.size());
  if (size <= start) return size;
  int best = size;
  double best_divergence = std::numeric_limits<double>::infinity();
  double tail = 0;
  // Downwards, so that the tail grows by one bin at a time; a strict comparison keeps the largest of equal ones.
  for (int bins = size; bins >= start; --bins) {
    if (bins < size) tail += h[static_cast<size_t>(bins)];
    const double divergence = Divergence(h, levels, bins, tail);
    if (divergence < best_divergence) {
      best_divergence = divergence;
      best = bins;
    }
  }
  return best;
}

}  // namespace quantd
