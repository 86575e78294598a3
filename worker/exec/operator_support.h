// What a model needs of the operators, asked before anything runs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/backend/backend.h"
#include "worker/graph/graph.h"

namespace quantd {

// UNIMPLEMENTED, reason UNSUPPORTED_OPERATOR, when an operator of the graph, or of a body inside it, has no kernel;
// metadata "node", "op_type", "domain" of the first, and one violation a node: field "model.<node>", or
// "model.<node>.<attribute>.<node>" in a body, listing all at once.
absl::Status CheckSupport(const Graph& graph, int64_t opset, const Backend& backend);

// A node that has a kernel, but not with these attributes or constants.
struct NodeProblem {
  std::string node;
  absl::Status status;  // Names the node.
};

// One error for all that keeps a graph from being compiled: `missing` of CheckSupport, and the problems. Code, reason and
// metadata are those of the first, the message and the violations tell every one. OK when there is none.
absl::Status AllProblems(const absl::Status& missing, const std::vector<NodeProblem>& problems);

}  // namespace quantd
