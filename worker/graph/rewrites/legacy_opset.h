// Versions 1 to 6 of the default operator set, which nobody exports any more but old models are in.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Rewrites a model of version 1 to 6 to version 7, bodies too, computing the same; others stay as they are. What changed
// (ONNX, docs/Changelog.md): numbers that were attributes and are inputs now, broadcasting that had to be asked for, the
// attributes of training, names of types.
//
// Errors: UNIMPLEMENTED with reason UNSUPPORTED_OPSET names a node whose meaning in version 7 is not known, such as a
//         broadcast along an axis of a tensor of unknown rank.
absl::Status RaiseLegacyOpset(Model& model);

}  // namespace quantd
