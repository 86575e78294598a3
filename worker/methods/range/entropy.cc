// The clip that loses the least information about the distribution of magnitudes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/methods/entropy_clip.h"
#include "worker/methods/range_method.h"

namespace quantd::range::entropy {
namespace {

// Counts by distance from zero of the bins on one side, or of both sides folded; up to the last that is not empty.
std::vector<double> Magnitudes(const PowerOfTwoHistogram& histogram, bool below_zero, bool above_zero) {
  const int half = histogram.bins() / 2;
  std::vector<double> magnitudes(static_cast<size_t>(half), 0.0);
  size_t used = 0;
  for (int i = 0; i < half; ++i) {
    double& count = magnitudes[static_cast<size_t>(i)];
    if (above_zero) count += static_cast<double>(histogram.counts()[static_cast<size_t>(half + i)]);
    if (below_zero) count += static_cast<double>(histogram.counts()[static_cast<size_t>(half - 1 - i)]);
    if (count > 0) used = static_cast<size_t>(i) + 1;
  }
  magnitudes.resize(used);
  return magnitudes;
}

double Clip(const PowerOfTwoHistogram& histogram, const std::vector<double>& magnitudes, double levels) {
  const int whole = std::max(2, static_cast<int>(std::lround(levels)));
  return EntropyClipBins(magnitudes, whole, whole) * histogram.bin_width();
}

class Entropy final : public RangeMethod {
 public:
  // A symmetric code has one clip for both signs and half of its levels for either. A code with a zero point
  // has two ends, so each sign is judged alone, with the share of the levels that its part of the range gets:
  // folded into magnitudes, a spike at one end (the background of a normalized image, the floor of GELU)
  // would swallow the clipped tail of the other sign, and the divergence would not notice.
  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat& format) const override {
    const PowerOfTwoHistogram& histogram = statistics.histogram();
    const double lowest = std::min<double>(statistics.min(), 0);
    const double highest = std::max<double>(statistics.max(), 0);
    double below = 0, above = 0;
    if (format.symmetric) {
      const double levels = static_cast<double>((format.levels() + 1) / 2);
      below = above = Clip(histogram, Magnitudes(histogram, true, true), levels);
    } else if (highest > lowest) {
      const double levels_per_unit = static_cast<double>(format.levels()) / (highest - lowest);
      below = Clip(histogram, Magnitudes(histogram, true, false), -lowest * levels_per_unit);
      above = Clip(histogram, Magnitudes(histogram, false, true), highest * levels_per_unit);
    }
    // A bin may reach beyond the values in it.
    return {std::max(-below, lowest), std::min(above, highest)};
  }
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "entropy",
                 .axis = "range",
                 .summary = "Clips where the quantized distribution stays closest in KL divergence.",
                 .paper = "Migacz 2017, 8-bit inference with TensorRT",
                 .needs = "calibration data"},
      .for_activations = true,
      .create = +[](const Params&) -> std::unique_ptr<RangeMethod> { return std::make_unique<Entropy>(); }};
  return kInfo;
}

}  // namespace quantd::range::entropy
