#include "worker/methods/range_method.h"

#include "common/check.h"

namespace quantd {

// The plan checks what a method is for before it is asked.
ClipRange RangeMethod::ForActivation(const TensorStatistics&, const IntFormat&) const {
  QUANTD_CHECK(false);
  return {};
}

ClipRange RangeMethod::ForWeights(absl::Span<const float>, const IntFormat&) const {
  QUANTD_CHECK(false);
  return {};
}

}  // namespace quantd
