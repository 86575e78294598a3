// Computes what does not depend on the model's inputs, once, in the graph itself.
#pragma once

#include "absl/status/status.h"
#include "worker/backend/backend.h"
#include "worker/graph/graph.h"

namespace quantd {

// Replaces every node whose inputs are all initializers by its results. Results that would grow the model are
// left to the executor: only those of at most 1 KiB, or no larger than the node's inputs, are kept.
// Nodes that the backend lacks stay.
absl::Status FoldConstants(Graph& graph, int64_t opset, const Backend& backend);

}  // namespace quantd
