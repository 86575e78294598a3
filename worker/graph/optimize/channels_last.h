// Moves the two-dimensional convolutions of a network, and what lies between them, to channels-last layout.
//
// oneDNN convolves [N, H, W, C] as fast as its blocked layouts and several times faster than [N, C, H, W], and needs no
// padding of odd channel counts. So a tensor between convolutions exists only as its channels-last twin, an ordinary
// tensor of rank 4; a Transpose stands where the layouts meet: at the first convolution, and before an operator that
// must see the tensor as it was.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Convolutions become quantd.FusedConv with channels_last = 1, pools quantd.ChannelsLastMaxPool and the like. Outputs of
// the graph and tensors in `keep` are there in their own layout. `opset` is the graph's.
absl::Status MoveChannelsLast(Graph& graph, int64_t opset, const std::set<std::string>& keep);

}  // namespace quantd
