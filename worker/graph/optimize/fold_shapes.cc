// Arithmetic of shapes that need not run: what is known beforehand becomes a constant, and what is computed twice under
// two names ("the batch of this tensor", "the batch of that one") is computed once.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/graph/optimize/passes.h"
#include "worker/graph/optimize/rewriter.h"
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

bool FoldPinned(Graph& graph, const PassContext& context) {
  const ShapeFacts facts = InferShapes(graph, context.opset);
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    // Nodes that only compute an integer known beforehand: all of a node's outputs, or the node stays.
    std::vector<std::optional<Tensor>> pinned;
    bool all = !node.outputs.empty();
    for (const std::string& output : node.outputs) {
      pinned.push_back(output.empty() ? std::nullopt : Pinned(FactsOf(facts, output)));
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

// Symbols that stand at more than one place of the inputs. That their extents are equal is the model's word; a feed may
// break it, and would then get another result instead of the error that it deserves.
std::set<std::string> Doubtful(const Graph& graph, const ShapeFacts& facts) {
  std::set<std::string> seen, doubtful;
  for (const ValueInfo& input : graph.inputs) {
    for (const Dimension& dimension : FactsOf(facts, input.name).shape) {
      if (dimension.extent < 0 && !seen.insert(dimension.symbol).second) doubtful.insert(dimension.symbol);
    }
  }
  return doubtful;
}

// The same for two tensors exactly when they surely hold the same; nullopt where something is not known.
std::optional<std::string> KeyOf(const TensorFacts& facts, const std::set<std::string>& doubtful) {
  if (!facts.value.has_value() || !facts.IsStatic() || facts.value->empty()) return std::nullopt;
  std::string key = absl::StrCat(static_cast<int>(facts.dtype), "/", facts.shape.size());
  for (const SymbolicValue& value : *facts.value) {
    if (!value.known() || doubtful.count(value.symbol) > 0) return std::nullopt;
    // The length keeps a symbol from looking like two.
    absl::StrAppend(&key, "/", value.number.has_value() ? absl::StrCat(*value.number)
                                                        : absl::StrCat("#", value.symbol.size(), "#", value.symbol));
  }
  return key;
}

bool MergeEqualExtents(Graph& graph, const PassContext& context) {
  const ShapeFacts facts = InferShapes(graph, context.opset);
  const std::set<std::string> doubtful = Doubtful(graph, facts);
  Rewriter rewriter(graph, context);
  std::map<std::string, std::string> first;
  for (const Node& node : graph.nodes) {
    if (node.outputs.size() != 1 || HasBody(node)) continue;
    const std::optional<std::string> key = KeyOf(FactsOf(facts, node.outputs[0]), doubtful);
    if (!key.has_value()) continue;
    const auto [it, is_new] = first.emplace(*key, node.outputs[0]);
    if (!is_new) rewriter.Bypass(&node, it->second);
  }
  return rewriter.Apply();
}

}  // namespace

bool FoldShapes(Graph& graph, const PassContext& context) {
  const bool folded = FoldPinned(graph, context);
  return MergeEqualExtents(graph, context) || folded;
}

}  // namespace quantd::optimize
