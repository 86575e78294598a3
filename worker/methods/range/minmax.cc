// The full range: nothing is clipped, one outlier decides the step.
#include <algorithm>

#include "worker/methods/range_method.h"

namespace quantd::range::minmax {
namespace {

class MinMax final : public RangeMethod {
 public:
  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat&) const override {
    return {statistics.min(), statistics.max()};
  }
  ClipRange ForWeights(absl::Span<const float> weights, const IntFormat&) const override {
    if (weights.empty()) return {};
    const auto [lowest, highest] = std::minmax_element(weights.begin(), weights.end());
    return {*lowest, *highest};
  }
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "minmax",
                 .axis = "range",
                 .summary = "The smallest and largest value seen; clips nothing.",
                 .paper = "Jacob et al. 2018, arXiv:1712.05877"},
      .for_activations = true,
      .for_weights = true,
      .create = +[](const Params&) -> std::unique_ptr<RangeMethod> { return std::make_unique<MinMax>(); }};
  return kInfo;
}

}  // namespace quantd::range::minmax
