// Rewrites a graph so that it computes with the decided codes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/quantize/quantization.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// The QDQ form of `graph`: every read of the plan goes through codes. Output shifts go into the layer's bias (made where there was none) or into the
// vector of the Add that follows a MatMul. Biases of Conv and Gemm become int32 codes where they fit, else
// they stay float.
absl::StatusOr<Graph> ApplyQuantization(const Graph& graph, const QuantizationPlan& plan,
                                        const Quantization& quantization);

// The full-precision graph with, beside each of `layers`, a quantized twin that reads the same
// full-precision tensors through their codes. Its output is named TwinOutput(layer): comparing the
// two shows that layer's own error, without what earlier layers contribute.
absl::StatusOr<Graph> AddQuantizedTwins(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                        const Quantization& quantization);
std::string TwinOutput(const PlannedLayer& layer);

}  // namespace quantd
