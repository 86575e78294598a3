// What every model goes through after it was read and before a recipe is planned on it.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Raises the operator set to one with quantization per axis, drops what does nothing, computes what is constant, and
// folds batch normalization and added constants into the layers before them. Memory and time stay in proportion to the
// model's size (worker/exec/constant_nodes.h names the bounds).
//
// Errors: UNIMPLEMENTED       UNSUPPORTED_OPSET, of RaiseOpset.
//         INVALID_ARGUMENT    a node's constants do not fit together, or make too much (CONSTANT_TOO_LARGE); the node is
//                             named.
absl::Status PrepareModel(Model& model);

}  // namespace quantd
