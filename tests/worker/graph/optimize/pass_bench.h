// Runs one pass over a graph written in a test.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/worker/graph/rewrites/nodes.h"
#include "worker/graph/optimize/passes.h"

namespace quantd::testing {

// Every operator runs and none is computed at once.
inline optimize::PassContext PassContextFor(int64_t opset = 17) {
  return {.opset = opset,
          .supports = [](const Node&) { return true; },
          .evaluate = [](const Node&, const std::vector<const Tensor*>&) -> absl::StatusOr<std::vector<Tensor>> {
            return absl::UnimplementedError("no backend here");
          }};
}

// `outputs` are more outputs than y: what somebody observes.
inline Graph AfterPass(optimize::Pass pass, std::vector<Node> nodes, std::map<std::string, Tensor> initializers = {},
                       const std::vector<std::string>& outputs = {}, int64_t opset = 17) {
  Graph graph = GraphOf(std::move(nodes), std::move(initializers));
  for (const std::string& output : outputs) graph.outputs.push_back({.name = output});
  pass(graph, PassContextFor(opset));
  RemoveDeadNodes(graph);
  return graph;
}

inline Tensor Scalar(float value) { return Tensor::Scalar<float>(value); }
inline Tensor Values(std::vector<int64_t> values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}
inline Tensor RowOf(int64_t n) { return Tensor(DataType::kFloat, {n}); }

}  // namespace quantd::testing
