// Runs a quantized graph in ONNX Runtime, through Node, and reads what came out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/exec/executor.h"
#include "worker/graph/graph.h"

namespace quantd::testing {

// Why the runtime cannot be asked here; empty when it can.
std::string WhyNoOnnxRuntime();

struct OnnxRuntimeRun {
  std::map<std::string, std::vector<double>> outputs;
  std::map<std::string, int> op_types;  // Of the graph that the optimizer made, with how often each occurs.
};

// `level` is a graph optimization level: "disabled", "extended", "all". Inputs are float or int64.
absl::StatusOr<OnnxRuntimeRun> RunInOnnxRuntime(const Graph& graph, int64_t opset, const TensorMap& feeds,
                                                const std::string& level);

}  // namespace quantd::testing
