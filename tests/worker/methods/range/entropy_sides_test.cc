// The entropy range where the two signs differ: each end of the code is judged by its own tail.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "worker/methods/range/registry.h"

namespace quantd {
namespace {

ClipRange EntropyRange(const std::vector<float>& values, const char* format) {
  TensorStatistics statistics;
  statistics.Update(values);
  for (const RangeInfo* info : range::All()) {
    if (info->method.id != "entropy") continue;
    return info->create(Params(info->method.params, {"entropy"}))
        ->ForActivation(statistics, *FindIntFormat(format));
  }
  ADD_FAILURE() << "no entropy range";
  return {};
}

// A normalized image: half of it background at -0.81, the rest shades that get rarer up to 2.02.
std::vector<float> Image() {
  constexpr int kShades = 25600;
  std::vector<float> values;
  for (int i = 0; i < kShades; ++i) {
    const float u = static_cast<float>(i) / kShades;
    values.push_back(-0.81f);
    values.push_back(-0.81f + 2.83f * u * u);
  }
  return values;
}

TEST(EntropySidesTest, ASpikeAtTheLowEndDoesNotHideTheTailOfTheHighEnd) {
  const ClipRange range = EntropyRange(Image(), "uint8_asym");
  EXPECT_NEAR(range.lower, -0.81, 0.01);
  EXPECT_GT(range.upper, 1.9);
}

TEST(EntropySidesTest, MirroredValuesGiveTheMirroredRange) {
  std::vector<float> mirrored = Image();
  for (float& x : mirrored) x = -x;
  const ClipRange range = EntropyRange(Image(), "uint8_asym");
  const ClipRange mirror = EntropyRange(mirrored, "uint8_asym");
  // Bins are half open: a value on an edge may change its bin.
  EXPECT_NEAR(mirror.lower, -range.upper, 0.01);
  EXPECT_NEAR(mirror.upper, -range.lower, 0.01);
}

TEST(EntropySidesTest, ASymmetricCodeClipsBothSignsAtOneMagnitude) {
  std::vector<float> values;
  for (int i = 0; i < 20000; ++i) values.push_back(std::sin(static_cast<float>(i)));
  values.push_back(4);
  values.push_back(-4);
  const ClipRange range = EntropyRange(values, "int8_sym");
  EXPECT_EQ(range.lower, -range.upper);
  EXPECT_LT(range.upper, 4);
}

TEST(EntropySidesTest, ZerosAloneGiveAnEmptyRange) {
  const ClipRange range = EntropyRange({0, 0, 0}, "uint8_asym");
  EXPECT_EQ(range.lower, 0);
  EXPECT_EQ(range.upper, 0);
}

}  // namespace
}  // namespace quantd
