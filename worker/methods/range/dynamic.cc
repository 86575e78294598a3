// The full range of each tensor of each run, taken at run time by DynamicQuantizeLinear: calibration sees nothing of it.
#include "worker/methods/range_method.h"

namespace quantd::range::dynamic {
namespace {

class Dynamic final : public RangeMethod {
 public:
  // What the operator would take if all rows came in one run.
  ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat&) const override {
    return {statistics.min(), statistics.max()};
  }
};

}  // namespace

const RangeInfo& Info() {
  static constexpr RangeInfo kInfo = {
      .method = {.id = "dynamic",
                 .axis = "range",
                 .summary = "The smallest and largest value of each run, taken at run time; nothing is calibrated.",
                 .paper = "ONNX, DynamicQuantizeLinear"},
      .for_activations = true,
      .at_run_time = true,
      .create = +[](const Params&) -> std::unique_ptr<RangeMethod> { return std::make_unique<Dynamic>(); }};
  return kInfo;
}

}  // namespace quantd::range::dynamic
