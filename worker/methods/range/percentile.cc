// Cuts the same share of values off both tails.
#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/methods/range_method.h"

namespace quantd::range::percentile {
namespace {

constexpr ParamSpec kParams[] = {
    {.name = "p", .unit = "share of values", .min = 0.5, .max = 1, .initial = 0.9999,
     .summary = "the range runs from the quantile 1 - p to the quantile p"}};

class Percentile final : public RangeMethod {
 public:
  explicit Percentile(double p) : p_(p) {}

  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat&) const override {
    const PowerOfTwoHistogram& histogram = statistics.histogram();
    // A bin may reach beyond the values in it.
    const auto within = [&](double x) { return std::clamp<double>(x, statistics.min(), statistics.max()); };
    return {within(histogram.Quantile(1 - p_)), within(histogram.Quantile(p_))};
  }

  // On the magnitudes, by nearest rank.
  ClipRange ForWeights(absl::Span<const float> weights, const IntFormat&) const override {
    if (weights.empty()) return {};
    std::vector<float> magnitudes;
    for (const float w : weights) magnitudes.push_back(std::fabs(w));
    const double rank = std::ceil(p_ * static_cast<double>(magnitudes.size()));
    const size_t index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
    std::nth_element(magnitudes.begin(), magnitudes.begin() + static_cast<std::ptrdiff_t>(index),
                     magnitudes.end());
    const double reach = magnitudes[index];
    return {-reach, reach};
  }

 private:
  double p_;
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "percentile",
                 .axis = "range",
                 .summary = "Clips to a quantile on both sides, so that rare outliers do not set the step.",
                 .paper = "McKinstry et al. 2018, arXiv:1809.04191",
                 .params = kParams},
      .for_activations = true,
      .for_weights = true,
      .create = +[](const Params& params) -> std::unique_ptr<RangeMethod> {
        return std::make_unique<Percentile>(params.Get("p"));
      }};
  return kInfo;
}

}  // namespace quantd::range::percentile
