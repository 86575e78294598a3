// Folds batch normalization at inference into the linear operator in front of it.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// With f = scale / sqrt(variance + epsilon) for each output channel, the weights become W f and the
// bias (b - mean) f + B; computed in double precision and rounded once (Jacob et al.,
// arXiv:1712.05877, section 3.2). Folds into Conv (grouped and depthwise too), ConvTranspose and
// Gemm when the normalization is the only reader of their output and all parameters are float
// initializers. What does not fit stays as it is. Weights that other nodes read are copied under a
// fresh name first.
absl::Status FoldBatchNorm(Graph& graph);

}  // namespace quantd
