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

using TensorMap = std::map<std::string, Tensor>;

class Executor {
 public:
  virtual ~Executor() = default;

  // Computes the graph's outputs (or only what `fetch` needs when it is not empty; any tensor name is
  // allowed there). Thread-safe.
  //
  // Errors: INVALID_ARGUMENT  a feed is missing, unknown or of the wrong type or shape (the input is named),
  //                           or shapes inside do not fit (the node is named).
  virtual absl::StatusOr<TensorMap> Run(const TensorMap& feeds,
                                        const std::vector<std::string>& fetch = {}) const = 0;

  // Runs and hands each tensor named in `watch` to `visit` as soon as it exists, on the calling
  // thread; it may be freed after. Feeds and initializers are watched too.
  using Visitor = std::function<void(const std::string& name, const Tensor& tensor)>;
  virtual absl::StatusOr<TensorMap> RunObserved(const TensorMap& feeds,
                                                const std::vector<std::string>& watch,
                                                const Visitor& visit) const = 0;
};

// Prepares every node on `backend` (borrowed; it outlives the executor). Constant subgraphs (only
// initializers below them) are computed here, once.
//
// Errors: UNIMPLEMENTED, reason UNSUPPORTED_OPERATOR, metadata "node", "op_type", "domain" of the first, and one
// violation a node: field "model.<node>", listing all at once.
absl::StatusOr<std::unique_ptr<Executor>> CompileGraph(const Graph& graph, int64_t opset,
                                                       const Backend& backend);

// Calls `work(index)` for 0..count-1 on `threads` threads; the first error by index wins and stops
// the rest. Each thread pins OpenMP to one thread. `work` must write only what index owns.
absl::Status ParallelFor(int64_t count, int threads, const std::function<absl::Status(int64_t)>& work);

}  // namespace quantd
