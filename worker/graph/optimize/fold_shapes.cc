#include <optional>
#include <string>
#include <vector>

#include "worker/graph/optimize/passes.h"
#include "worker/graph/shapes.h"

namespace quantd::optimize {
namespace {

// The tensor that the facts pin down, or nullopt.
std::optional<Tensor> Pinned(const TensorFacts& facts) {
  if (!facts.value.has_value() || !facts.IsStatic()) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const SymbolicValue& value : *facts.value) {
    if (!value.number.has_value()) return std::nullopt;
    numbers.push_back(*value.number);
  }
  const Shape shape = facts.StaticShape();
  if (shape != Shape() && shape != Shape{static_cast<int64_t>(numbers.size())}) return std::nullopt;
  if (shape.empty() && numbers.size() != 1) return std::nullopt;
  if (facts.dtype == DataType::kInt64) return Tensor::Of(shape, numbers);
  if (facts.dtype == DataType::kInt32) {
    return Tensor::Of(shape, std::vector<int32_t>(numbers.begin(), numbers.end()));
  }
  return std::nullopt;
}

}  // namespace

bool FoldShapes(Graph& graph, const PassContext& context) {
  const ShapeFacts facts = InferShapes(graph, context.opset);
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    // Nodes that only compute an integer known beforehand: all of a node's outputs, or the node stays.
    std::vector<std::optional<Tensor>> pinned;
    bool all = !node.outputs.empty();
    for (const std::string& output : node.outputs) {
      pinned.push_back(output.empty() ? std::nullopt : Pinned(facts.at(output)));
      all = all && pinned.back().has_value();
    }
    if (!all) {
      kept.push_back(std::move(node));
      continue;
    }
    for (size_t i = 0; i < pinned.size(); ++i) graph.initializers[node.outputs[i]] = *pinned[i];
  }
  const bool changed = kept.size() != graph.nodes.size();
  graph.nodes = std::move(kept);
  return changed;
}

}  // namespace quantd::optimize
