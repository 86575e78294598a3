// Which nodes of a graph get quantized, and which of their tensors.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/methods/recipe.h"

namespace quantd {

// A node whose inputs become codes: Conv, Gemm or MatMul.
struct PlannedLayer {
  std::string node;      // Name of the node.
  std::string op_type;
  std::string output;    // The tensor it makes; the same name before and after quantization.
  // Inputs that are computed at run time, in input order: one, or two for a MatMul of two activations.
  std::vector<std::string> activations;
  std::string weight;    // Initializer; empty for a MatMul of two activations.
  int weight_axis = 0;   // Output channels: Conv 0; Gemm 0 with transB, else 1; MatMul the last.
  int64_t channels = 0;  // Extent of that axis; 0 without a weight.
  std::string bias;      // Initializer in the node's third input; empty when there is none.
  // For a MatMul whose only consumer adds a vector of one value a channel: that Add and its initializer.
  std::string add_node;
  std::string add_bias;
  bool excluded = false;  // Kept in full precision by a rule.
};

// The layers in graph order, excluded ones included and marked. A Conv or Gemm whose weight is computed
// at run time is left alone.
//
// Errors: INVALID_ARGUMENT, reason RULE_MATCHES_NOTHING, names a rule that matches no layer: most
// likely a typo, and silence would quantize what should not be.
absl::StatusOr<std::vector<PlannedLayer>> PlanLayers(const Graph& graph,
                                                     const std::vector<LayerRule>& rules);

// The tensors whose statistics the plan needs: every activation of a layer that is not excluded, each once,
// in graph order.
std::vector<std::string> TensorsToObserve(const std::vector<PlannedLayer>& layers);

}  // namespace quantd
