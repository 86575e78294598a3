// Moves a model to a newer version of the default operator set.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// The version that RaiseOpset makes: the first with quantization per axis.
inline constexpr int64_t kRaisedOpset = 13;

// Makes the model's version of the default operator set at least `at_least`. A model that is there
// already stays as it is; one of version 7 to 12 is rewritten to kRaisedOpset and computes the
// same. Settings that moved from attributes to inputs become initializers; they take float32 where
// the operator's own type decides, so models with other floating-point types are refused there.
//
// Errors: UNIMPLEMENTED with reason UNSUPPORTED_OPSET: `at_least` is above kRaisedOpset, the model
//         is below version 7, or a node has no equivalent that we know; the message names it.
//         The model is unchanged then.
absl::Status RaiseOpset(Model& model, int64_t at_least);

}  // namespace quantd
