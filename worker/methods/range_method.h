// Which real numbers the codes of a tensor cover. What lies outside is clipped: a narrower range rounds more finely and
// clips more.
#pragma once

#include <memory>

#include "absl/types/span.h"
#include "worker/formats/int_format.h"
#include "worker/methods/method_info.h"
#include "worker/observe/tensor_statistics.h"

namespace quantd {

struct ClipRange {
  double lower = 0;
  double upper = 0;
};

// Thread-safe and deterministic. Methods see numbers only. Each overrides what its info says it can do.
class RangeMethod {
 public:
  virtual ~RangeMethod() = default;

  // From what calibration saw. All zeros give [0, 0].
  virtual ClipRange ForActivation(const TensorStatistics& statistics, const IntFormat& format) const;

  // From the weights of one granule (a channel, or the tensor). REQUIRES: finite values.
  virtual ClipRange ForWeights(absl::Span<const float> weights, const IntFormat& format) const;
};

struct RangeInfo {
  MethodInfo method;
  bool for_activations = false;
  bool for_weights = false;
  bool at_run_time = false;  // For activations: the model itself takes the range, of each run anew.
  std::unique_ptr<RangeMethod> (*create)(const Params& params);
};

}  // namespace quantd
