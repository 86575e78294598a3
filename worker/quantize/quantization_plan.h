// What a quantization run will do, before any number is known: which nodes become quantized layers, which tensors
// become codes, and which of those share one code.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/methods/range_method.h"
#include "worker/methods/recipe.h"

namespace quantd {

// An input of a node: its name and the position.
using NodeInput = std::pair<std::string, size_t>;

// An initializer that is stored as codes.
struct PlannedWeight {
  size_t input = 0;         // Where the node reads it.
  std::string initializer;
  int axis = 0;             // What a per-channel code runs along; -1 where only one code for the tensor fits.
  int64_t channels = 1;     // Extent of that axis; 1 without one.
  // What blocks run along: the axis that the layer sums over; -1 where blocks make no sense, as in a window of several
  // taps, and one code a channel takes their place.
  int input_axis = -1;
};

// A node whose inputs become codes.
struct PlannedLayer {
  std::string node;      // Name of the node.
  std::string op_type;
  std::string output;    // The tensor it makes; the same name before and after quantization.
  // Inputs that are computed at run time and become codes, in input order: one for Conv and the like, two for a MatMul
  // of two activations, none for what only stores its weights as codes (Gather, LSTM).
  std::vector<std::string> activations;
  std::vector<PlannedWeight> weights;
  // Values that a bias would add, one a channel of the output; 0 where the node has no such thing. The channels lie
  // on axis 1 of the output (Conv, ConvTranspose) or on its last axis.
  int64_t channels = 0;
  bool channels_last = true;
  bool takes_bias = false;  // Input 2 is a bias, or may be.
  std::string bias;         // Initializer in that input; empty when there is none.
  // For a MatMul whose only consumer adds a vector of one value a channel: that Add and its initializer.
  std::string add_node;
  std::string add_bias;
  bool excluded = false;  // Kept in full precision by a rule.
  // Its activation gets its code at run time, from its own values: there is nothing to observe. `activations` is empty.
  bool dynamic = false;
  // What the recipe says for this layer once the rules are applied.
  TensorRecipe weight_recipe;
  TensorRecipe activation_recipe;
};

// A layer inside the body of an If, Loop or Scan. Only its weights become codes; see quantize_bodies.h.
struct BodyLayer {
  PlannedLayer layer;          // `node` is the path to it.
  std::vector<Tensor> values;  // Of layer.weights, which may lie in any of the graphs around it.
};

// Tensors that share one code: what operators like MaxPool or Concat carry over unchanged.
struct CodeGroup {
  std::vector<std::string> tensors;   // In graph order.
  // Those whose values count for the code: what is read by more than the group's own operators. A pooling that is
  // alone to read a tensor drops most of its values, and these cost nothing when the code clips them.
  std::vector<std::string> observed;
  // Of these, the ones whose range is known without looking, such as [0, 1] behind a Softmax.
  std::map<std::string, ClipRange> known;
  TensorRecipe recipe;
};

struct QuantizationPlan {
  std::vector<PlannedLayer> layers;  // In graph order, excluded ones included and marked.
  std::vector<BodyLayer> body_layers;
  std::vector<CodeGroup> groups;     // Disjoint; in the graph order of their first tensors.
  std::set<NodeInput> reads;         // Inputs that read codes. The tensor of each belongs to a group.
  // Tensors whose unquantized value nobody may see, so that the kernel that makes them can write codes: every node
  // reads codes, and a graph output of that name is their dequantized value.
  std::set<std::string> replaced;
};

// Errors: INVALID_ARGUMENT, naming each rule at fault ("recipe.rules[3]").
//   RULE_MATCHES_NOTHING  a rule matches no node that can be quantized, or sets what no match has: most likely a typo,
//                         and silence would quantize what should not be.
//   CONTRADICTORY_RULES   rules give several recipes to layers that read one code.
// REQUIRES: CheckRecipe(recipe) is OK.
absl::StatusOr<QuantizationPlan> PlanQuantization(const Graph& graph, const Recipe& recipe);

// The tensors whose statistics the plan needs, each once, in graph order of their groups.
std::vector<std::string> TensorsToObserve(const QuantizationPlan& plan);

// Whether there is anything to do: a layer that no rule excludes.
bool QuantizesAnything(const QuantizationPlan& plan);

}  // namespace quantd
