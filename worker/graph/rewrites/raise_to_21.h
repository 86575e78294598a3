// From version 13 to 20 of the default operator set to version 21, the first whose DequantizeLinear knows blocks and
// integers of 4 bits.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

inline constexpr int64_t kBlockedOpset = 21;

// Bodies of If, Loop and Scan are raised too. A model that is there already stays as it is.
//
// Errors: UNIMPLEMENTED, reason UNSUPPORTED_OPSET, naming the node whose operator changed its meaning in between without
//         an equivalent. The model is unchanged then. REQUIRES: version 13 or above.
absl::Status RaiseTo21(Model& model);

}  // namespace quantd
