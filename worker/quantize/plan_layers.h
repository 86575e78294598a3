// Which nodes of a graph can become quantized layers, and what each of them is made of: one rule an operator type.
#pragma once

#include <vector>

#include "worker/graph/graph.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// In graph order, none excluded, recipes empty. Left alone are nodes whose weight is computed at run time.
std::vector<PlannedLayer> FindLayers(const Graph& graph);

}  // namespace quantd
