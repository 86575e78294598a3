// What a model needs of the operators, asked before anything runs.
#pragma once

#include "absl/status/status.h"
#include "worker/backend/backend.h"
#include "worker/graph/graph.h"

namespace quantd {

// UNIMPLEMENTED, reason UNSUPPORTED_OPERATOR, when an operator of the graph, or of a body inside it, has no kernel;
// metadata "node", "op_type", "domain" of the first, and one violation a node: field "model.<node>", or
// "model.<node>.<attribute>.<node>" in a body, listing all at once.
absl::Status CheckSupport(const Graph& graph, int64_t opset, const Backend& backend);

}  // namespace quantd
