// From statistics and weights to codes, by the recipe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/graph/graph.h"
#include "worker/methods/recipe.h"
#include "worker/observe/tensor_statistics.h"
#include "worker/quantize/plan_layers.h"
#include "worker/quantize/quantization.h"

namespace quantd {

// A code for every activation and weight of the layers that are not excluded. Weights are coded side by side on `threads`
// threads; the result does not depend on their number. Softmax outputs cover [0, 1] whatever was observed.
//
// Errors: INVALID_ARGUMENT, reason NON_FINITE_WEIGHT, naming the initializer. REQUIRES: CheckRecipe(recipe) is OK.
absl::StatusOr<Quantization> ChooseCodes(const Graph& graph, const std::vector<PlannedLayer>& layers,
                                         const Recipe& recipe,
                                         const std::map<std::string, TensorStatistics>& statistics,
                                         int threads);

}  // namespace quantd
