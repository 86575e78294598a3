// The one intermediate form of every model: typed nodes over named tensors, in the operator
// vocabulary of ONNX. Plain data: copying a Graph copies the structure and shares the weights.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/graph/tensor.h"

namespace quantd {

struct Graph;

using AttributeValue =
    std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                 std::vector<std::string>, Tensor, std::shared_ptr<const Graph>>;

struct Node {
  std::string name;     // Unique in the graph; readers make one up where the file has none.
  std::string op_type;  // "Conv"
  std::string domain;   // "" is the ONNX domain.
  std::vector<std::string> inputs;   // "" is an absent optional input.
  std::vector<std::string> outputs;  // "" is an unused optional output.
  std::map<std::string, AttributeValue> attributes;

  bool Is(absl::string_view type) const { return domain.empty() && op_type == type; }

  // The attribute, or the fallback when absent. An attribute of another type counts as absent; the
  // kernels check types of required ones when they are made.
  int64_t Int(const std::string& key, int64_t fallback) const;
  float Float(const std::string& key, float fallback) const;
  std::string String(const std::string& key, absl::string_view fallback) const;
  std::vector<int64_t> Ints(const std::string& key, std::vector<int64_t> fallback = {}) const;
  bool Has(const std::string& key) const { return attributes.count(key) > 0; }
};

// A dimension is an extent (>= 0), or unknown (-1) with an optional symbol such as "N".
struct Dimension {
  int64_t extent = -1;
  std::string symbol;
};

struct ValueInfo {
  std::string name;
  DataType dtype = DataType::kUndefined;
  bool has_shape = false;
  std::vector<Dimension> shape;
  bool is_sequence = false;  // Then type and shape are those of the elements.
  bool is_optional = false;  // The value may be Tensor::None().
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;                     // Every node after the producers of its inputs.
  std::map<std::string, Tensor> initializers;  // Weights and constants by tensor name.
  std::vector<ValueInfo> inputs;               // What a caller feeds; never an initializer.
  std::vector<ValueInfo> outputs;
};

struct Model {
  Graph graph;
  std::map<std::string, int64_t> opset_imports;  // domain -> version; "" is ONNX.
  int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::map<std::string, std::string> metadata;

  int64_t opset() const {
    const auto it = opset_imports.find("");
    return it == opset_imports.end() ? 0 : it->second;
  }
};

// What the bodies of `node` read from the graphs around it: tensor names, sorted, each once.
std::vector<std::string> CapturedBy(const Node& node);

// Index over a graph; invalid once the graph changes.
class GraphIndex {
 public:
  explicit GraphIndex(const Graph& graph);

  // The node that makes `tensor`, or nullptr for inputs and initializers.
  const Node* Producer(const std::string& tensor) const;
  // The nodes that read `tensor`, in graph order, each once.
  const std::vector<const Node*>& Consumers(const std::string& tensor) const;
  bool IsGraphOutput(const std::string& tensor) const;

 private:
  std::map<std::string, const Node*> producers_;
  std::map<std::string, std::vector<const Node*>> consumers_;
  std::map<std::string, bool> outputs_;
};

// Orders nodes so that producers come first, keeping the given order where free. INVALID_ARGUMENT with
// reason BAD_GRAPH names the tensor for a cycle, a tensor made twice, or one that nobody makes.
absl::Status SortTopologically(Graph& graph);

// The tensors that a node needs: its inputs, and what its bodies capture from outside. In order; may repeat.
std::vector<std::string> TensorsReadBy(const Node& node);

// Drops nodes whose outputs nobody reads and initializers that no node reads.
void RemoveDeadNodes(Graph& graph);

// A tensor name that the graph does not use yet: `base`, else base_1, base_2, ...
std::string FreshTensorName(const Graph& graph, const std::string& base);

}  // namespace quantd
