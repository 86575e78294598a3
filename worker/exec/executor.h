// Runs a Graph. Compiled once, then run any number of times from any number of threads.
//
// One run is sequential on its thread (oneDNN included), so its bits do not depend on the number of
// threads; parallelism comes from running batches side by side (ParallelBatches).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd {

class Backend;
class ConstantNodes;

using TensorMap = std::map<std::string, Tensor>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Computes the graph's outputs. Thread-safe.
  //
  // Errors: INVALID_ARGUMENT  a feed is missing, unknown or of the wrong type or shape (the input is named),
  //                           or shapes inside do not fit (the node is named).
  virtual absl::StatusOr<TensorMap> Run(const TensorMap& feeds) const = 0;

  // The same, and hands each tensor that CompileGraph was told to keep to `visit` as soon as it exists, on
  // the calling thread.
  using Visitor = std::function<void(const std::string& name, const Tensor& tensor)>;
  virtual absl::StatusOr<TensorMap> RunObserved(const TensorMap& feeds,
                                                const Visitor& visit) const = 0;

  // What the tensors inside one run needed, by the largest batch run so far; 0 before the first. Thread-safe.
  virtual size_t activation_bytes() const = 0;

  // How many nodes of each operator run, fused and integer ones by their own names.
  virtual std::map<std::string, int64_t> OperatorCounts() const = 0;
};

// How layers of a quantized graph compute: in float32 on values that codes stand for (a simulation, whose result ONNX
// Runtime reproduces), or in integers, as a deployed model does. Layers without an integer form are simulated.
enum class Arithmetic { kFloat, kInteger };

// How a kept tensor is handed to a visitor: as the graph has it, or in whatever order its elements were computed, with
// a shape to match. Sparing the way back makes observing a convolution's output several times cheaper.
enum class KeptLayout { kPlain, kAny };

struct CompileOptions {
  // Tensors that can be observed, feeds and initializers among them; others may vanish where nodes are fused.
  std::vector<std::string> keep;
  KeptLayout kept_layout = KeptLayout::kPlain;
  Arithmetic arithmetic = Arithmetic::kFloat;
  // Bounds what constants may take (worker/exec/constant_nodes.h). Null: bounds of its own. The body of a graph shares those of
  // the graph around it.
  ConstantNodes* constants = nullptr;
};

// Prepares every node on `backend` (borrowed; it outlives the executor). Constant subgraphs (only
// initializers below them) are computed here, once.
//
// Errors: UNIMPLEMENTED, reason UNSUPPORTED_OPERATOR, metadata "node", "op_type", "domain" of the first missing operator, bodies
// included; else what kernels say that cannot be made. One violation a node, all at once: field "model.<node>[.<body>.<node>]".
// INVALID_ARGUMENT, reason UNKNOWN_TENSOR, for a name in `keep` that the graph lacks; BAD_GRAPH, naming the node, for
// one that has no outputs or reads what nothing makes; the errors of kernels that compute constants, and
// CONSTANT_TOO_LARGE, naming the node.
absl::StatusOr<std::unique_ptr<Executor>> CompileGraph(const Graph& graph, int64_t opset,
                                                       const Backend& backend,
                                                       const CompileOptions& options = {});

// Calls `work(index)` for 0..count-1 on `threads` threads; the first error by index wins and stops
// the rest. Each thread pins OpenMP to one thread. `work` must write only what index owns.
absl::Status ParallelFor(int64_t count, int threads, const std::function<absl::Status(int64_t)>& work);

}  // namespace quantd
