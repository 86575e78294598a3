// What channels_last.cc knows about operators: which of them mind the layout, and how.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "worker/graph/graph.h"

namespace quantd::optimize {

// Max and average pools, global ones too; of two-dimensional planes when their input is of rank 4.
bool IsPool(const Node& node);

// Works on each element by itself, with broadcasting: the same in every layout that its operands share. The scales of
// QuantizeLinear and DequantizeLinear must then be scalars, which the operands' check sees to.
bool IsPointwise(const Node& node);

// The node for a channels-last input, with its axes renamed: Concat, Split, Slice, Softmax (opset 13), Pad, reductions.
// Constant axes and pads become new initializers. Nothing when the axes are not known or the rank would change in
// the middle.
std::optional<Node> MoveAxes(const Node& node, int64_t opset, std::map<std::string, Tensor>& initializers);

// Whether a node of MoveAxes() is a reduction over height and width that keeps neither: what is left is [N, C].
bool DropsSpatialAxes(const Node& moved);

}  // namespace quantd::optimize
