// What an optimization pass is told besides the graph.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"

namespace quantd::optimize {

// The domain of operators that passes make. No file ever holds one.
inline constexpr char kFusedDomain[] = "quantd";

struct PassContext {
  int64_t opset = 0;  // Of the ONNX domain.

  // Whether quantized layers are to compute in integers instead of simulating that in float.
  bool integer = false;

  // Graph outputs whose elements may come in any order: a pass that makes another layout of one may let the output
  // name that tensor instead.
  std::set<std::string> any_layout;

  // Whether the executor's backend runs a node; a pass makes no node that it does not.
  std::function<bool(const Node& node)> supports;

  // The outputs of a node whose inputs are these constants (nullptr for an absent one). A failure means that the
  // node stays: whoever runs it reports it.
  std::function<absl::StatusOr<std::vector<Tensor>>(const Node& node, const std::vector<const Tensor*>& inputs)>
      evaluate;
};

// A pass changes the graph in place and returns whether it did. What must survive it are the graph's outputs; the
// pipeline makes every tensor that somebody wants to observe one for the time being. A pass never fails: what it
// does not understand it leaves. Nodes come in topological order and stay so. Deterministic.
using Pass = bool (*)(Graph& graph, const PassContext& context);

}  // namespace quantd::optimize
