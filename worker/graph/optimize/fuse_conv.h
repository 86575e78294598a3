// Lets a convolution apply the activation that follows it before it stores its result.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Conv -> activation becomes quantd.FusedConv (worker/backend/cpu/convolution.cc) where nobody else reads the Conv's
// output and it is not in `keep`. Activations: Relu, LeakyRelu, Clip with constant bounds, Sigmoid, Tanh, Elu, HardSwish,
// and x * Sigmoid(x).
absl::Status FuseConvActivation(Graph& graph, const std::set<std::string>& keep);

}  // namespace quantd
