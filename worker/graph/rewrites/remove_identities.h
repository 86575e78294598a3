// Drops operators that do nothing at inference.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Drops Identity, and Dropout whose mask nobody reads and whose training_mode is absent or a
// constant false. The names of graph inputs and outputs stay. A node stays where dropping it would
// need a new name for a graph output (an input handed straight through), or inside a body that
// reads it.
absl::Status RemoveIdentities(Graph& graph);

}  // namespace quantd
