// What is known about every tensor of a graph before it runs: element type, shape, and the values of the small integer
// tensors that shapes are computed with.
//
// A dimension is an extent, or a symbol. Equal symbols stand for equal extents: an input's own names ("batch") and
// made-up ones ("?7") for extents that nothing is known about. Nothing here is a guess; what cannot be told is
// left out. The values of symbols are those of one run, whose inputs give equal names equal extents.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/graph/graph.h"

namespace quantd {

// One element of an integer or bool tensor: a number, or the extent that a symbol stands for, or (neither) unknown.
struct SymbolicValue {
  std::optional<int64_t> number;
  std::string symbol;

  bool known() const { return number.has_value() || !symbol.empty(); }
  friend bool operator==(const SymbolicValue& a, const SymbolicValue& b) {
    return a.known() && a.number == b.number && a.symbol == b.symbol;
  }
};

struct TensorFacts {
  DataType dtype = DataType::kUndefined;  // kUndefined: not known.
  bool has_shape = false;
  std::vector<Dimension> shape;  // Every dimension has an extent or a symbol.
  // The elements of a tensor of rank 0 or 1, where something is known about them; never more than 64.
  std::optional<std::vector<SymbolicValue>> value;

  // Every extent a number.
  bool IsStatic() const;
  // REQUIRES: IsStatic().
  Shape StaticShape() const;
};

// By tensor name. Tensors that nothing is known about are there too, once a node makes them.
using ShapeFacts = std::map<std::string, TensorFacts>;

// `opset` is of the ONNX domain. REQUIRES: nodes in topological order. Time linear in the number of nodes.
ShapeFacts InferShapes(const Graph& graph, int64_t opset);

// What is known about one tensor; nothing for a name that no tensor has, such as the "" of an unused output.
const TensorFacts& FactsOf(const ShapeFacts& facts, const std::string& tensor);

// Whether both are surely the same extent.
bool SameExtent(const Dimension& a, const Dimension& b);
bool SameShape(const TensorFacts& a, const TensorFacts& b);

}  // namespace quantd
