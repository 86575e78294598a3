// A sample of a tensor that may stand for all of it in a histogram: cheaper where a model computes its values about as fast
// as they are counted.
//
// Of each group of values one run is taken. Which one goes by the golden ratio (a Weyl sequence), so that runs fall evenly
// on channels, rows and columns whatever the period of the tensor, in the same places whoever counts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace quantd {

inline constexpr size_t kSampleShare = 16;  // One value in so many.
inline constexpr size_t kSampleRun = 16;    // A cache line.
inline constexpr size_t kSampleGroup = kSampleRun * kSampleShare;

// Writes values.size() / kSampleShare values to `sample`. `position` says how many values came before these, so that
// places go on from one call to the next. REQUIRES: values.size() and position are multiples of kSampleGroup.
void TakeEvenSample(absl::Span<const float> values, uint64_t position, float* sample);

}  // namespace quantd
