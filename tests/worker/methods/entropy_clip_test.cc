#include "worker/methods/entropy_clip.h"

#include <cmath>
#include <limits>
#include <vector>

#include "common/random.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The definition, written down step by step: cut, spread each level's mass over its bins that hold
// any, compare.
double NaiveDivergence(std::vector<double> h, int levels, size_t bins) {
  h[0] = h[1];
  std::vector<double> p(h.begin(), h.begin() + static_cast<std::ptrdiff_t>(bins)), q(bins, 0);
  for (size_t i = bins; i < h.size(); ++i) p[bins - 1] += h[i];
  for (int level = 0; level < levels; ++level) {
    std::vector<size_t> members;
    double mass = 0;
    for (size_t j = 0; j < bins; ++j) {
      if (static_cast<int>(j * static_cast<size_t>(levels) / bins) != level) continue;
      mass += h[j];
      if (h[j] > 0) members.push_back(j);
    }
    for (const size_t j : members) q[j] = mass / static_cast<double>(members.size());
  }
  double p_sum = 0, q_sum = 0, divergence = 0;
  for (size_t j = 0; j < bins; ++j) {
    p_sum += p[j];
    q_sum += q[j];
  }
  if (p_sum == 0 || q_sum == 0) return kInfinity;
  for (size_t j = 0; j < bins; ++j) {
    if (p[j] == 0) continue;
    if (q[j] == 0) return kInfinity;
    divergence += p[j] / p_sum * std::log(p[j] / p_sum / (q[j] / q_sum));
  }
  return divergence;
}

TEST(EntropyClipTest, DivergencesByHand) {
  const std::vector<double> h = {99, 40, 30, 20, 10, 5, 1, 1};
  const std::vector<double> expected = {.031945, .012575, .013881, .015232, .012628};
  for (int bins = 4; bins <= 8; ++bins) {
    EXPECT_NEAR(EntropyOfClip(h, 4, bins), expected[static_cast<size_t>(bins - 4)], 5e-7) << bins;
  }
  EXPECT_EQ(EntropyClipBins(h, 4, 4), 5);
}

TEST(EntropyClipTest, ATailThatLandsInAnEmptyBinIsInfinitelyFar) {
  const std::vector<double> h = {50, 50, 40, 30, 10, 0, 0, 1};
  EXPECT_EQ(EntropyOfClip(h, 4, 6), kInfinity);
  EXPECT_EQ(EntropyOfClip(h, 4, 7), kInfinity);
  EXPECT_EQ(EntropyClipBins(h, 4, 4), 5);
}

TEST(EntropyClipTest, ASpikeAtZeroDoesNotCount) {
  const std::vector<double> flat = {7, 7, 5, 4, 3, 2, 1, 1};
  std::vector<double> spike = flat;
  spike[0] = 1e9;
  for (int bins = 2; bins <= 8; ++bins) {
    EXPECT_EQ(EntropyOfClip(spike, 3, bins), EntropyOfClip(flat, 3, bins));
  }
}

TEST(EntropyClipTest, AgreesWithTheDefinitionOnRandomHistograms) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> h;
    const size_t size = 10 + random.Below(50);
    for (size_t i = 0; i < size; ++i) h.push_back(static_cast<double>(random.Below(6)));
    const int levels = 1 + static_cast<int>(random.Below(9));
    const int start = 2 + static_cast<int>(random.Below(7));
    int best = static_cast<int>(size);
    double least = kInfinity;
    for (int bins = static_cast<int>(size); bins >= start; --bins) {
      const double naive = NaiveDivergence(h, levels, static_cast<size_t>(bins));
      const double divergence = EntropyOfClip(h, levels, bins);
      if (naive == kInfinity) {
        EXPECT_EQ(divergence, kInfinity);
      } else {
        EXPECT_NEAR(divergence, naive, 1e-12);
      }
      if (naive < least - 1e-12) {
        least = naive;
        best = bins;
      }
    }
    const int chosen = EntropyClipBins(h, levels, start);
    if (chosen != best) {  // Only a tie up to rounding may be decided differently.
      EXPECT_NEAR(NaiveDivergence(h, levels, static_cast<size_t>(chosen)), least, 1e-12);
    }
  }
}

TEST(EntropyClipTest, FewBinsAreAllKept) {
  EXPECT_EQ(EntropyClipBins({}, 4, 4), 0);
  EXPECT_EQ(EntropyClipBins(std::vector<double>{1, 2, 3}, 4, 4), 3);
  EXPECT_EQ(EntropyClipBins(std::vector<double>(20, 0.0), 4, 4), 20);
}

}  // namespace
}  // namespace quantd
