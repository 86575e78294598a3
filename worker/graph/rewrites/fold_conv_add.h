// Folds the addition of a constant to every channel into the bias of the convolution before it.
#pragma once

#include "absl/status/status.h"
#include "worker/graph/graph.h"

namespace quantd {

// Some exporters write a convolution's bias as an Add of a [C,1,1] or [1,C,1,1] constant. As a bias
// it can be corrected and stored in 32-bit integers with the weights. Folds into Conv and
// ConvTranspose when the Add is the only reader and the constant a float initializer that is the
// same at every position; a constant of one element counts for all channels. What does not fit
// stays as it is.
absl::Status FoldConvAdd(Graph& graph);

}  // namespace quantd
