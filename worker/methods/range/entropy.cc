// The clip that loses the least information about the distribution of magnitudes.
#include <algorithm>
#include <vector>

#include "worker/methods/entropy_clip.h"
#include "worker/methods/range_method.h"

namespace quantd::range::entropy {
namespace {

class Entropy final : public RangeMethod {
 public:
  // A tensor of one sign spends all levels on its magnitudes, one of two signs half of them.
  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat& format) const override {
    const PowerOfTwoHistogram& histogram = statistics.histogram();
    const int half = histogram.bins() / 2;
    std::vector<double> magnitudes(static_cast<size_t>(half), 0.0);
    int used = 0;
    for (int i = 0; i < half; ++i) {
      magnitudes[static_cast<size_t>(i)] =
          static_cast<double>(histogram.counts()[static_cast<size_t>(half + i)]) +
          static_cast<double>(histogram.counts()[static_cast<size_t>(half - 1 - i)]);
      if (magnitudes[static_cast<size_t>(i)] > 0) used = i + 1;
    }
    magnitudes.resize(static_cast<size_t>(used));
    const bool one_sign = statistics.min() >= 0 || statistics.max() <= 0;
    const int levels =
        static_cast<int>(one_sign && !format.symmetric ? format.levels() : (format.levels() + 1) / 2);
    const int bins = EntropyClipBins(magnitudes, levels, levels);
    const double clip = bins * histogram.bin_width();
    const double lower = std::max<double>(-clip, statistics.min());
    return {lower, std::max<double>(lower, std::min<double>(clip, statistics.max()))};
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
