#include "worker/observe/even_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace quantd {
namespace {

std::vector<float> Numbers(size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);  // Exact below 2^24.
  return values;
}

std::vector<float> Sample(const std::vector<float>& values, uint64_t position = 0) {
  std::vector<float> sample(values.size() / kSampleShare);
  TakeEvenSample(values, position, sample.data());
  return sample;
}

TEST(EvenSampleTest, TakesOneWholeRunOfEachGroup) {
  const size_t groups = 1000;
  const std::vector<float> sample = Sample(Numbers(groups * kSampleGroup));
  for (size_t group = 0; group < groups; ++group) {
    const size_t first = static_cast<size_t>(sample[group * kSampleRun]);
    EXPECT_EQ(first / kSampleGroup, group);
    EXPECT_EQ(first % kSampleRun, 0u);
    for (size_t i = 0; i < kSampleRun; ++i) EXPECT_EQ(sample[group * kSampleRun + i], static_cast<float>(first + i));
  }
}

// Channels last, every number of channels is a period. Each residue of a run must be taken about equally often: of k terms
// of the golden ratio's multiples, an interval of length 1/16 holds k/16, off by at most 3 + log(k) / log(golden ratio).
TEST(EvenSampleTest, FallsEvenlyOnEveryPeriod) {
  const size_t groups = 4096;
  const std::vector<float> sample = Sample(Numbers(groups * kSampleGroup));
  for (const size_t period_groups : {1, 2, 3, 4, 7, 16, 21, 34, 128}) {
    const size_t residues = period_groups * kSampleShare;  // Of runs.
    std::vector<int> taken(residues, 0);
    for (size_t i = 0; i < sample.size(); i += kSampleRun) {
      ++taken[static_cast<size_t>(sample[i]) / kSampleRun % residues];
    }
    const double expected = static_cast<double>(groups) / static_cast<double>(residues);
    const double terms = static_cast<double>(groups) / static_cast<double>(period_groups);
    const double slack = 3 + std::log(terms) / std::log(1.618);
    for (const int count : taken) EXPECT_NEAR(count, expected, slack) << period_groups;
  }
}

TEST(EvenSampleTest, GoesOnFromOneCallToTheNext) {
  const std::vector<float> values = Numbers(40 * kSampleGroup);
  std::vector<float> parts;
  for (size_t begin = 0; begin < 40; begin += 8) {
    const std::vector<float> part(values.begin() + static_cast<std::ptrdiff_t>(begin * kSampleGroup),
                                  values.begin() + static_cast<std::ptrdiff_t>((begin + 8) * kSampleGroup));
    const std::vector<float> sample = Sample(part, begin * kSampleGroup);
    parts.insert(parts.end(), sample.begin(), sample.end());
  }
  EXPECT_EQ(parts, Sample(values));
}

}  // namespace
}  // namespace quantd
