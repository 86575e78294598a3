// Short ways to write graphs in the tests of rewrites.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/graph/graph.h"

namespace quantd::testing {

// Named after its first output.
inline Node Op(std::string type, std::vector<std::string> inputs, std::vector<std::string> outputs,
               std::map<std::string, AttributeValue> attributes = {}) {
  return Node{.name = outputs[0],
              .op_type = std::move(type),
              .inputs = std::move(inputs),
              .outputs = std::move(outputs),
              .attributes = std::move(attributes)};
}

// x in, y out.
inline Graph GraphOf(std::vector<Node> nodes, std::map<std::string, Tensor> initializers = {}) {
  return Graph{.name = "g",
               .nodes = std::move(nodes),
               .initializers = std::move(initializers),
               .inputs = {{.name = "x", .dtype = DataType::kFloat}},
               .outputs = {{.name = "y", .dtype = DataType::kFloat}}};
}

inline std::vector<float> Floats(const Graph& graph, const std::string& name) {
  const Tensor& tensor = graph.initializers.at(name);
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

inline std::vector<int64_t> Ints(const Graph& graph, const std::string& name) {
  const Tensor& tensor = graph.initializers.at(name);
  return {tensor.data<int64_t>(), tensor.data<int64_t>() + tensor.size()};
}

inline std::vector<std::string> Types(const Graph& graph) {
  std::vector<std::string> types;
  for (const Node& node : graph.nodes) types.push_back(node.op_type);
  return types;
}

}  // namespace quantd::testing
