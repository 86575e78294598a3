// The range with the least error of the quantized values themselves.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "worker/methods/range_method.h"

namespace quantd::range::mse {
namespace {

constexpr ParamSpec kParams[] = {
    {.name = "exponent", .unit = "power of the error", .min = 1, .max = 4, .initial = 2,
     .summary = "sum of |x - q(x)|^exponent is minimized; above 2 outliers weigh more"}};

// Shares of the full range that are tried, in hundredths.
constexpr int kShareMin = 20;
constexpr int kShareMax = 100;
// Each pass fixes one end and searches the other; the result no longer moves after two.
constexpr int kPasses = 2;

struct Mass {
  float value;
  double count;
};

double Error(absl::Span<const Mass> masses, const QuantParams& params, const IntFormat& format,
             double exponent) {
  double error = 0;
  for (const Mass& mass : masses) {
    const double gap = std::fabs(static_cast<double>(mass.value) - format.RoundTrip(mass.value, params));
    error += mass.count * (exponent == 2 ? gap * gap : std::pow(gap, exponent));
  }
  return error;
}

class Mse final : public RangeMethod {
 public:
  explicit Mse(double exponent) : exponent_(exponent) {}

  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat& format) const override {
    // Zeros stand in no bin and cost nothing: 0 is exact in every range.
    const PowerOfTwoHistogram& histogram = statistics.histogram();
    std::vector<Mass> masses;
    for (int i = 0; i < histogram.bins(); ++i) {
      const uint64_t count = histogram.counts()[static_cast<size_t>(i)];
      if (count == 0) continue;
      masses.push_back({static_cast<float>(histogram.lower(i) + 0.5 * histogram.bin_width()),
                        static_cast<double>(count)});
    }
    return Search(masses, statistics.min(), statistics.max(), format);
  }

  ClipRange ForWeights(absl::Span<const float> weights, const IntFormat& format) const override {
    std::vector<Mass> masses;
    float lowest = 0, highest = 0;
    for (const float w : weights) {
      masses.push_back({w, 1});
      lowest = std::min(lowest, w);
      highest = std::max(highest, w);
    }
    return Search(masses, lowest, highest, format);
  }

 private:
  // The full range is the first candidate and the first of equal ones wins, so the error is never above that of minmax.
  ClipRange Search(absl::Span<const Mass> masses, double lower, double upper,
                   const IntFormat& format) const {
    lower = std::min(lower, 0.0);
    upper = std::max(upper, 0.0);
    if (format.symmetric) {
      upper = std::max(-lower, upper);
      lower = -upper;
    }
    ClipRange best{lower, upper};
    double best_error = std::numeric_limits<double>::infinity();
    const auto consider = [&](const ClipRange& range) {
      const double error = Error(masses, format.Params(range.lower, range.upper), format, exponent_);
      if (error < best_error) {
        best_error = error;
        best = range;
      }
    };
    for (int pass = 0; pass < kPasses; ++pass) {
      const ClipRange start = best;
      for (int share = kShareMax; share >= kShareMin; --share) {
        const double end = upper * share / kShareMax;
        consider({format.symmetric ? -end : start.lower, end});
      }
      if (format.symmetric) break;
      const ClipRange middle = best;
      for (int share = kShareMax; share >= kShareMin; --share) {
        consider({lower * share / kShareMax, middle.upper});
      }
    }
    return best;
  }

  double exponent_;
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "mse",
                 .axis = "range",
                 .summary = "Searches the range whose quantized values lie closest to the real ones.",
                 .paper = "Choukroun et al. 2019, arXiv:1902.06822",
                 .params = kParams},
      .for_activations = true,
      .for_weights = true,
      .create = +[](const Params& params) -> std::unique_ptr<RangeMethod> {
        return std::make_unique<Mse>(params.Get("exponent"));
      }};
  return kInfo;
}

}  // namespace quantd::range::mse
