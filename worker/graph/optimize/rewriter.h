// Finds and replaces groups of nodes. A sweep over the graph collects replacements; Apply() makes them at once, so that
// pointers to nodes stay valid during the sweep.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/graph/graph.h"
#include "worker/graph/optimize/pass_context.h"

namespace quantd::optimize {

class Rewriter {
 public:
  // Both are borrowed.
  Rewriter(Graph& graph, const PassContext& context);

  const Graph& graph() const { return graph_; }
  int64_t opset() const { return context_.opset; }

  // The node that makes `tensor` and that no replacement of this sweep has taken, or nullptr.
  const Node* Producer(const std::string& tensor) const;
  // The same if it is the ONNX operator `type`.
  const Node* Producer(const std::string& tensor, const char* type) const;
  // The only reader of a tensor that is no graph output, if it is free too; else nullptr.
  const Node* OnlyReader(const std::string& tensor) const;
  bool IsOutput(const std::string& tensor) const { return index_.IsGraphOutput(tensor); }
  const std::vector<const Node*>& Readers(const std::string& tensor) const { return index_.Consumers(tensor); }

  // The initializer of that name, or nullptr.
  const Tensor* Constant(const std::string& tensor) const;
  // Its one value, when it is a float (or double) initializer with one element and at most `rank_max` axes: more axes
  // than the other operand has would change the shape of a result.
  std::optional<double> Scalar(const std::string& tensor, size_t rank_max = 0) const;
  // Its values, when it is an int64 or int32 initializer.
  std::optional<std::vector<int64_t>> Integers(const std::string& tensor) const;

  // Puts `replacement` where `root`, the last of `matched` in graph order, stands, and takes the others out. Refuses
  // (returns false, nothing changes) when a tensor that `replacement` does not make is read outside of `matched` or
  // is a graph output, when a node is taken already, or when the backend does not run `replacement`.
  bool Replace(const std::vector<const Node*>& matched, const Node* root, Node replacement);

  // Takes `node` out and lets the readers of its first output read `instead`. Refuses where that output is a graph
  // output or is read inside a body.
  bool Bypass(const Node* node, const std::string& instead);

  // A name for a constant that the graph does not use.
  std::string AddConstant(const std::string& base, Tensor tensor);

  // Makes the changes; returns whether there were any. The object is used up.
  bool Apply();

 private:
  bool Taken(const Node* node) const { return taken_.count(node) > 0; }

  Graph& graph_;
  const PassContext& context_;
  GraphIndex index_;
  std::set<const Node*> taken_;
  std::map<const Node*, Node> replacements_;
  std::map<std::string, std::string> renames_;
};

// Whether a node has a subgraph among its attributes.
bool HasBody(const Node& node);

}  // namespace quantd::optimize
