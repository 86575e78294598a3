// The rules of shape inference: one function an operator family. A rule leaves outputs as they are where it cannot
// tell. See shapes.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/graph/shapes.h"

namespace quantd::shape_rules {

// Facts about more elements than this are not kept.
constexpr size_t kValuesMax = 64;

struct Context {
  const Node& node;
  int64_t opset;
  std::vector<const TensorFacts*> inputs;  // Never null; an absent one is empty.
  std::vector<const Tensor*> constants;    // Null where not constant.
  std::vector<TensorFacts>& outputs;       // One a name in node.outputs.
  int& symbols;                            // How many were made up so far.

  Dimension Fresh() { return {.symbol = "?" + std::to_string(++symbols)}; }
  size_t count() const { return inputs.size(); }
  const TensorFacts& in(size_t i) const;
  bool Has(size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  // An integer constant's elements.
  std::optional<std::vector<int64_t>> Integers(size_t i) const;
  // Axes from attribute `axes` or, where that is absent, input `i`; nullopt when they come from a tensor not known.
  std::optional<std::vector<int64_t>> Axes(size_t i) const;
  void Set(size_t output, DataType dtype, std::vector<Dimension> shape);
  void SetType(size_t output, DataType dtype);
};

using Rule = void (*)(Context& context);

inline Dimension Known(int64_t extent) { return {.extent = extent}; }
// `axis` in [0, rank), or nullopt.
std::optional<size_t> Axis(int64_t axis, size_t rank);
// NumPy broadcasting; nullopt where the ranks or extents say that it fails.
std::optional<std::vector<Dimension>> Broadcast(Context& context, const std::vector<Dimension>& a,
                                                const std::vector<Dimension>& b);

// Operator -> rule, each family in a file of its own.
const std::map<std::string, Rule>& ElementwiseRules();
const std::map<std::string, Rule>& LayoutRules();
const std::map<std::string, Rule>& LayerRules();
const std::map<std::string, Rule>& ReshapeRules();
// Operators of domain "quantd".
const std::map<std::string, Rule>& FusedRules();

}  // namespace quantd::shape_rules
