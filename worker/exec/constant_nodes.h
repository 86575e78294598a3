// Computes nodes whose inputs are all known before a model runs, within bounds: a small file can ask for any amount of
// memory (ConstantOfShape, Expand, Range) or work (matrix products of such tensors), and gets neither.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/backend/backend.h"
#include "worker/graph/graph.h"

namespace quantd {

// A tensor computed from constants beyond this and beyond kConstantGrowthMax times the graph's own initializers is
// refused. Room for the masks and tables of positions that exporters compute.
inline constexpr size_t kConstantBytesMax = size_t{256} << 20;
// Bytes read and made by all constant nodes of a graph, beside kConstantGrowthMax times its initializers. What goes
// beyond stays a node and is computed when the model runs, as often as it runs.
inline constexpr size_t kConstantTrafficBytesMax = size_t{64} << 20;
inline constexpr size_t kConstantGrowthMax = 16;
// Operators that are not known to work in proportion to what they read and make get at most so many elements: even the
// square of that takes well under a second.
inline constexpr size_t kCostlyElementsMax = size_t{1} << 14;

// INVALID_ARGUMENT, reason BAD_GRAPH, when the kernel left an output undefined that the node names: the operator has
// fewer outputs than the node, or does not compute that one.
absl::Status CheckOutputsMade(const Node& node, const Outputs& outputs);

// Runs the constant nodes of one graph. Not thread-safe.
class ConstantNodes {
 public:
  explicit ConstantNodes(const Graph& graph);

  // Runs `kernel` of `node` on one OpenMP thread and returns its outputs. Nothing where the node should rather run with
  // the model: it holds a graph of its own, the bounds above leave no room, or a tensor would have more than
  // `tensor_bytes_max` bytes.
  //
  // Errors: those of the kernel; INVALID_ARGUMENT, reason CONSTANT_TOO_LARGE (not RESOURCE_EXHAUSTED, which may pass on
  // another worker: the bound is the model's); BAD_GRAPH of CheckOutputsMade(). All name the node.
  absl::StatusOr<std::optional<std::vector<Tensor>>> Run(
      const Node& node, const Kernel& kernel, const std::vector<const Tensor*>& inputs,
      size_t tensor_bytes_max = std::numeric_limits<size_t>::max());

 private:
  const size_t constant_bytes_max_;
  size_t traffic_bytes_left_;
};

}  // namespace quantd
