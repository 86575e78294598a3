// What changed in the default operator set between versions 7 and 13 (ONNX, docs/Changelog.md), one
// rule for each operator.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/graph/graph.h"

namespace quantd {

// The graph under conversion. Rules replace nodes one by one through it.
class OpsetConversion {
 public:
  // `from` is the version that the nodes are written for. Borrows `graph`. For a body, `outer` is the conversion of the
  // graph around it: no fresh name is one of its names.
  OpsetConversion(Graph& graph, int64_t from, const OpsetConversion* outer = nullptr);

  int64_t from() const { return from_; }
  const Graph& graph() const { return graph_; }
  // Whether all floating-point tensors that the graph names are float32.
  bool is_float32() const { return is_float32_; }
  // Whether a node or the caller reads `tensor`.
  bool IsRead(const std::string& tensor) const { return read_.count(tensor) > 0; }
  // How many axes `tensor` has, or -1 where neither its producer nor the graph's signature tells.
  int64_t RankOf(const std::string& tensor) const;

  // A tensor name that nothing has yet.
  std::string FreshName(const std::string& base);
  // Adds an initializer and returns its name.
  std::string AddConstant(const std::string& base, Tensor value);
  // Adds a node to the converted ones.
  void Emit(Node node);
  // A body of a node, converted by the same rules. Their errors.
  absl::StatusOr<std::shared_ptr<const Graph>> ConvertBody(const Graph& body);

  // Hands the converted nodes to the graph. Call once, after all rules ran.
  void Finish();

 private:
  // Every name in the graph and the bodies inside it is taken.
  void TakeNames(const Graph& graph);

  Graph& graph_;
  const int64_t from_;
  bool is_float32_ = true;
  std::set<std::string> tensors_;
  std::map<std::string, int> tensor_counts_;  // The numbers given so far to each base of FreshName().
  std::set<std::string> node_names_;
  std::set<std::string> read_;
  std::map<std::string, int64_t> ranks_;
  std::vector<Node> converted_;
};

// Emits what `node` is in version 13. UNIMPLEMENTED with reason UNSUPPORTED_OPSET names a node that
// has no known equivalent.
absl::Status ConvertNode(const Node& node, OpsetConversion& conversion);

}  // namespace quantd
