// Bias correction: quantized weights and clipped activations shift the mean of a layer's output, and the bias can
// take that shift back at no cost (Nagel et al. 2019, "Data-Free Quantization through Weight Equalization and Bias
// Correction", arXiv:1906.04721, section 4.2; here with measured instead of modelled inputs).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/exec/batch_source.h"
#include "worker/quantize/quantization.h"
#include "worker/quantize/quantization_plan.h"

namespace quantd {

// Fills quantization.output_shift for every layer that can take one: mean over rows and positions of (full precision -
// quantized) of each output channel, each layer fed with full-precision inputs. Double sums in batch order: the same
// bits for any number of threads.
absl::Status MeasureOutputShift(const Graph& graph, int64_t opset,
                                const std::vector<PlannedLayer>& layers, const BatchSource& rows,
                                int threads, Quantization& quantization);

}  // namespace quantd
