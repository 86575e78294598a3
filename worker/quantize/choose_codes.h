// From statistics and weights to codes, by the plan's recipes.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/observe/tensor_statistics.h"
#include "worker/quantize/quantization.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// A code for every tensor of the plan's groups, from the joint statistics of those that count, and for every weight of
// the layers that are not excluded. Weights are coded side by side on `threads` threads; the result does not depend on
// their number. `statistics` hold TensorsToObserve(plan).
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_WEIGHT, naming the initializer.
absl::StatusOr<Quantization> ChooseCodes(const Graph& graph, const QuantizationPlan& plan,
                                         const std::map<std::string, TensorStatistics>& statistics,
                                         int threads);

}  // namespace quantd
