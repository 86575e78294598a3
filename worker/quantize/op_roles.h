// What an operator does to codes, as a table: the placement of QuantizeLinear/DequantizeLinear pairs follows from it.
// docs/qdq_placement.md gives the reason for every entry.
#pragma once

#include <optional>
#include <vector>

#include "worker/graph/graph.h"
#include "worker/methods/range_method.h"

namespace quantd {

enum class CodeRole {
  kFloat,       // Computes with real numbers; nothing is known about its codes.
  kCarry,       // Hands values on, at most selecting or moving them: input and output share one code, exactly.
  kInteger,     // Runtimes have an integer kernel for it, which takes and makes codes of different scales.
  kActivation,  // A Relu or Clip: runtimes merge it into the QuantizeLinear behind it.
  kFunction,    // Works on every value by itself, in real numbers, between codes on both sides.
};

// Layers (see plan_layers.h) count as kFloat here, except for a Gather: of activations it carries codes.
CodeRole RoleOf(const Graph& graph, const Node& node);

// Which of the node's inputs hold values that become codes; the others are shapes, indices or conditions.
// Meaningful for every role but kFloat.
std::vector<size_t> ValueInputs(const Node& node);

// The range of what the node makes where its definition tells: [0, 1] for probabilities.
std::optional<ClipRange> KnownRange(const Node& node);

}  // namespace quantd
