// A recipe: which component works on each axis of quantization, with its parameters. Plain data that
// the plan resolves against the registries of worker/methods.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace quantd {

using ParamValue = std::variant<bool, int64_t, double, std::string>;

// A component of a registry by id, with the parameters that differ from its defaults.
struct Component {
  std::string id;  // Empty: the axis is not used.
  std::map<std::string, ParamValue> params;

  friend bool operator==(const Component&, const Component&) = default;
};

// How one kind of tensor becomes codes.
struct TensorRecipe {
  Component format;       // "int8_sym", "uint8_asym"
  Component granularity;  // "per_tensor", "per_channel"
  Component range;        // "minmax", "percentile", "mse", ...
  Component rounding;     // "nearest"

  friend bool operator==(const TensorRecipe&, const TensorRecipe&) = default;
};

// Puts the components that `with` names in the place of those of `into`.
void Override(const TensorRecipe& with, TensorRecipe& into);

// Changes the recipe for the nodes that match. Both patterns are globs (*, ?, [a-z]); an empty one matches
// everything; rules apply in order, a later one wins.
struct LayerRule {
  std::string op_type;
  std::string node_name;
  // Keep these nodes in full precision. A later rule that neither excludes nor sets a component takes them back.
  bool exclude = false;
  // Components with an id replace those of the recipe; the others leave them as they are.
  TensorRecipe weight;
  TensorRecipe activation;

  bool SetsComponents() const { return weight != TensorRecipe() || activation != TensorRecipe(); }

  friend bool operator==(const LayerRule&, const LayerRule&) = default;
};

struct Recipe {
  std::vector<Component> transforms;     // Function-preserving rewrites, in order.
  TensorRecipe weight;
  TensorRecipe activation;               // Without any component: only weights are stored as codes.
  Component placement;                   // Which tensors become codes: "fused", "inputs_only"; empty means the first.
  std::vector<Component> compensations;  // "bias_correction", in order.
  Component allocation;                  // Which layer gets which bits.
  Component data;                        // How calibration rows are chosen.
  std::vector<Component> recoveries;     // Learned corrections, in order.
  std::vector<LayerRule> rules;

  friend bool operator==(const Recipe&, const Recipe&) = default;
};

// One line for people: "weights int8_sym per_channel mse, activations uint8_asym per_tensor
// percentile(p=0.999), bias_correction, 2 rules".
std::string DescribeRecipe(const Recipe& recipe);

}  // namespace quantd
