// The search of the entropy method, on its own so that it can be checked against worked examples.
#pragma once

#include "absl/types/span.h"

namespace quantd {

// How many bins of a histogram of magnitudes to keep so that, quantized to `levels`, the kept distribution is closest in
// KL divergence to the clipped original one (Migacz 2017, "8-bit inference with TensorRT"). The first bin counts as the
// second, since a spike at zero says nothing about the range. Candidates are start..size; the last of equal ones wins.
//
// REQUIRES: 2 <= start, levels >= 1. Returns the size when it is smaller than `start`. Time O(size^2).
int EntropyClipBins(absl::Span<const double> histogram, int levels, int start);

// The divergence of one candidate; +infinity where a kept bin with mass has no counterpart.
double EntropyOfClip(absl::Span<const double> histogram, int levels, int bins);

}  // namespace quantd
