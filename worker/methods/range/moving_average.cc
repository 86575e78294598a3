// The exponential moving average of the batches' minima and maxima: one odd batch weighs little.
#include <cmath>

#include "worker/methods/range_method.h"

namespace quantd::range::moving_average {
namespace {

constexpr ParamSpec kParams[] = {
    {.name = "momentum", .unit = "share of the past", .min = 0, .max = 0.9999, .initial = 0.9,
     .summary = "m <- momentum * m + (1 - momentum) * batch, from the first batch's value"}};

class MovingAverage final : public RangeMethod {
 public:
  explicit MovingAverage(double momentum) : momentum_(momentum) {}

  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat&) const override {
    ClipRange range;
    bool first = true;
    for (const BatchRange& batch : statistics.batches()) {
      if (batch.lower > batch.upper) continue;  // Nothing finite in it.
      const double keep = first ? 0 : momentum_;
      range.lower = keep * range.lower + (1 - keep) * batch.lower;
      range.upper = keep * range.upper + (1 - keep) * batch.upper;
      first = false;
    }
    return range;
  }

 private:
  double momentum_;
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "moving_average",
                 .axis = "range",
                 .summary = "Exponential moving average of each batch's smallest and largest value.",
                 .paper = "Jacob et al. 2018, arXiv:1712.05877, section 3.1",
                 .params = kParams,
                 .needs = "calibration data"},
      .for_activations = true,
      .create = +[](const Params& params) -> std::unique_ptr<RangeMethod> {
        return std::make_unique<MovingAverage>(params.Get("momentum"));
      }};
  return kInfo;
}

}  // namespace quantd::range::moving_average
