// Layers inside the bodies of If, Loop and Scan. Their weights are stored as codes, be they initializers of the body or
// captured from around it. What flows through a body is not observed, as it may never run on the calibration rows: it
// stays float.
#pragma once

#include <vector>

#include "worker/graph/graph.h"
#include "worker/quantize/quantization.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// Of all bodies, outer ones first. A layer's `node` is its path: "NODE/ATTRIBUTE/NODE".
std::vector<BodyLayer> FindBodyLayers(const Graph& graph);

// Stores the weights of `layers` as codes, in place. Bodies are copied before they change. Initializers of `graph` that
// nothing captures any more stay; RemoveDeadNodes() drops them.
void QuantizeBodies(const std::vector<BodyLayer>& layers, const Quantization& quantization, Graph& graph);

}  // namespace quantd
