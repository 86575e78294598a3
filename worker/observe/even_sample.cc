#include "worker/observe/even_sample.h"

#include <bit>
#include <cstring>

#include "common/check.h"

namespace quantd {

void TakeEvenSample(absl::Span<const float> values, uint64_t position, float* sample) {
  QUANTD_CHECK(values.size() % kSampleGroup == 0 && position % kSampleGroup == 0);
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // Its fraction, in units of 2^-64.
  constexpr int kPlaceBits = std::bit_width(kSampleShare) - 1;
  uint64_t phase = position / kSampleGroup * kGoldenRatio;
  for (size_t begin = 0; begin < values.size(); begin += kSampleGroup) {
    const size_t place = phase >> (64 - kPlaceBits);
    std::memcpy(sample, values.data() + begin + place * kSampleRun, kSampleRun * sizeof(float));
    sample += kSampleRun;
    phase += kGoldenRatio;
  }
}

}  // namespace quantd
