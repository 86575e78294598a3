#include <limits>

#include "tests/support/status_matchers.h"
#include "tests/worker/methods/range/range_bench.h"

namespace quantd {
namespace {

using testing::ErrorOf;
using testing::HeavyTailed;
using testing::Int3;
using testing::Int8;
using testing::MakeRange;
using testing::Observe;
using testing::Uint4;
using testing::Uint8;

// Every bin's centre as often as the bin's count: what a method that knows only the histogram sees.
double HistogramError(const TensorStatistics& statistics, const ClipRange& range,
                      const IntFormat& format) {
  const PowerOfTwoHistogram& histogram = statistics.histogram();
  double error = 0;
  for (int i = 0; i < histogram.bins(); ++i) {
    const auto count = static_cast<double>(histogram.counts()[static_cast<size_t>(i)]);
    const auto centre = static_cast<float>((histogram.lower(i) + histogram.lower(i + 1)) / 2);
    if (count > 0) error += count * ErrorOf({centre}, range, format);
  }
  return error;
}

TEST(MseRangeTest, ErrorsByHand) {
  // Codes -3..3 with clip c: step c / 3. Mean squared errors of these seven weights:
  const std::vector<float> weights = {-1, -.5f, .25f, .5f, .75f, 1, 4};
  const std::vector<double> expected = {1.295635, .621032, .232143, .160714};
  for (int clip = 1; clip <= 4; ++clip) {
    EXPECT_NEAR(ErrorOf(weights, {-double(clip), double(clip)}, Int3()) / 7,
                expected[static_cast<size_t>(clip - 1)], 5e-7);
  }
  const ClipRange range = MakeRange({"mse"})->ForWeights(weights, Int3());
  EXPECT_LE(ErrorOf(weights, range, Int3()) / 7, .160715);
  EXPECT_EQ(range.lower, -range.upper);
}

TEST(MseRangeTest, TheClipOfWeightsIsTheBestOfAllShares) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const std::vector<float> weights = HeavyTailed(300, seed);
    float reach = 0;
    for (const float w : weights) reach = std::max(reach, std::fabs(w));
    for (const IntFormat& format : {Int3(), Int8()}) {
      double least = std::numeric_limits<double>::infinity();
      for (int share = 20; share <= 100; ++share) {
        const double clip = reach * share / 100.0;
        least = std::min(least, ErrorOf(weights, {-clip, clip}, format));
      }
      const ClipRange range = MakeRange({"mse"})->ForWeights(weights, format);
      EXPECT_NEAR(ErrorOf(weights, range, format), least, 1e-5 * least);
    }
  }
}

TEST(MseRangeTest, IsNeverWorseThanMinmax) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (const double shift : {0.0, 1.5, -2.5}) {
      const std::vector<float> values = HeavyTailed(2000, seed, shift);
      const TensorStatistics statistics = Observe({values});
      for (const IntFormat& format : {Uint4(), Uint8(), Int8()}) {
        const ClipRange mse = MakeRange({"mse"})->ForActivation(statistics, format);
        const ClipRange minmax = MakeRange({"minmax"})->ForActivation(statistics, format);
        EXPECT_LE(HistogramError(statistics, mse, format),
                  HistogramError(statistics, minmax, format) * (1 + 1e-5));
      }
    }
  }
}

TEST(MseRangeTest, ClipsOutliersOfFewBits) {
  const std::vector<float> values = HeavyTailed(5000, 3);
  const TensorStatistics statistics = Observe({values});
  const ClipRange mse = MakeRange({"mse"})->ForActivation(statistics, Uint4());
  const ClipRange minmax = MakeRange({"minmax"})->ForActivation(statistics, Uint4());
  EXPECT_LT(ErrorOf(values, mse, Uint4()), 0.9 * ErrorOf(values, minmax, Uint4()));
}

TEST(MseRangeTest, NoSingleEndCanBeMovedToGain) {
  const TensorStatistics statistics = Observe({HeavyTailed(2000, 4, 1)});
  const ClipRange range = MakeRange({"mse"})->ForActivation(statistics, Uint4());
  const double error = HistogramError(statistics, range, Uint4());
  for (int share = 20; share <= 100; ++share) {
    const double lower = statistics.min() * share / 100.0, upper = statistics.max() * share / 100.0;
    EXPECT_LE(error, HistogramError(statistics, {range.lower, upper}, Uint4()) * (1 + 1e-5));
    EXPECT_LE(error, HistogramError(statistics, {lower, range.upper}, Uint4()) * (1 + 1e-5));
  }
}

TEST(MseRangeTest, AHigherExponentKeepsMoreOfTheOutliers) {
  const std::vector<float> weights = HeavyTailed(2000, 6);
  const double square = MakeRange({"mse"})->ForWeights(weights, Int3()).upper;
  const double fourth = MakeRange({"mse", {{"exponent", 4.0}}})->ForWeights(weights, Int3()).upper;
  EXPECT_GT(fourth, square);
  EXPECT_LE(ErrorOf(weights, {-fourth, fourth}, Int3(), 4),
            ErrorOf(weights, {-square, square}, Int3(), 4) * (1 + 1e-5));
}

}  // namespace
}  // namespace quantd
