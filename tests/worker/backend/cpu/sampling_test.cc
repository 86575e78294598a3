// GridSample, AffineGrid, RoiAlign, MaxRoiPool and NonMaxSuppression, by hand.
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

TEST(GridSampleTest, ReadsALineBeyondItsEdges) {
  // Three pixels, corners aligned: -1, 0, 1 are pixels 0, 1, 2; 2 is pixel 3, -1.5 half a pixel before the first.
  const Tensor x = Floats({1, 1, 3}, {1, 2, 4});
  const Tensor grid = Floats({1, 5, 1}, {0, 0.5f, 1, 2, -1.5f});
  const auto run = [&](const std::string& padding) {
    return RunOne("GridSample", {x, grid},
                  {{"mode", std::string("linear")}, {"padding_mode", padding}, {"align_corners", int64_t{1}}}, 20).value();
  };
  ExpectNear(run("zeros"), {1, 1, 5}, {2, 3, 4, 0, 0.5}, 1e-6);
  ExpectNear(run("border"), {1, 1, 5}, {2, 3, 4, 4, 1}, 1e-6);
  ExpectNear(run("reflection"), {1, 1, 5}, {2, 3, 4, 2, 1.5}, 1e-6);
}

TEST(GridSampleTest, VolumesAreSampledAtTheirGrid) {
  // At the centres of its own elements a volume samples to itself, in every mode.
  const Tensor x = RandomTensor({2, 3, 2, 3, 4}, 1);
  std::vector<float> positions;
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t i = 0; i < 24; ++i) {
      positions.push_back(static_cast<float>(-1 + (2 * (i % 4) + 1) / 4.0));
      positions.push_back(static_cast<float>(-1 + (2 * (i / 4 % 3) + 1) / 3.0));
      positions.push_back(static_cast<float>(-1 + (2 * (i / 12) + 1) / 2.0));
    }
  }
  for (const std::string mode : {"linear", "nearest", "cubic"}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("GridSample", {x, Floats({2, 2, 3, 4, 3}, positions)}, {{"mode", mode}}, 20));
    ExpectNear(y, x.shape(), {x.data<float>(), x.data<float>() + x.size()}, 1e-5);
  }
}

TEST(GridSampleTest, WhatIsNoPositionIsOutside) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const Tensor grid = Floats({1, 3, 1}, {nan, infinity, 1e30f});
  ASSERT_OK_AND_ASSIGN(const Tensor zeros, RunOne("GridSample", {Floats({1, 1, 2}, {5, 6}), grid}, {}, 20));
  ExpectNear(zeros, {1, 1, 3}, {0, 0, 0}, 0);
  ASSERT_OK_AND_ASSIGN(const Tensor single, RunOne("GridSample", {Floats({1, 1, 1}, {5}), grid},
                                                   {{"padding_mode", std::string("reflection")}, {"align_corners", int64_t{1}}}, 20));
  ExpectNear(single, {1, 1, 3}, {5, 5, 5}, 1e-5);
  EXPECT_THAT(RunOne("GridSample", {Floats({1, 1, 0}, {}), grid}, {}, 20), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GridSample", {Floats({1, 1, 2}, {5, 6}), Floats({1, 1, 2}, {0, 0})}, {}, 20), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GridSample", {grid, grid}, {{"mode", std::string("area")}}, 20), HasReason("BAD_ATTRIBUTE"));
}

TEST(AffineGridTest, TransformsPositions) {
  // x' = 2 y + 1, y' = x, on a plane of one row and two columns: columns at -0.5 and 0.5, the row at 0.
  const Tensor theta = Floats({1, 2, 3}, {0, 2, 1, 1, 0, 0});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("AffineGrid", {theta, Ints({1, 1, 1, 2})}, {}, 20));
  ExpectNear(y, {1, 1, 2, 2}, {1, -0.5, 1, 0.5}, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor aligned, RunOne("AffineGrid", {theta, Ints({1, 1, 1, 2})}, {{"align_corners", int64_t{1}}}, 20));
  ExpectNear(aligned, {1, 1, 2, 2}, {1, -1, 1, 1}, 1e-6);
  EXPECT_THAT(RunOne("AffineGrid", {theta, Ints({1, 1, 1, 1, 2})}, {}, 20), HasReason("BAD_SHAPE"));
}

TEST(RoiAlignTest, AveragesSamplesOfARegion) {
  // The value of a pixel is its column. One cell over columns 0.5 .. 2.5, two samples across: at 1 and 2.
  const Tensor x = Floats({1, 1, 2, 4}, {0, 1, 2, 3, 0, 1, 2, 3});
  const Tensor region = Floats({1, 4}, {0.5f, 0, 2.5f, 1}), batch = Ints({0});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("RoiAlign", {x, region, batch}, {{"sampling_ratio", int64_t{2}}}, 10));
  ExpectNear(y, {1, 1, 1, 1}, {1.5}, 1e-6);
  // Half pixels shift everything by half a column.
  ASSERT_OK_AND_ASSIGN(const Tensor half, RunOne("RoiAlign", {x, region, batch}, {{"sampling_ratio", int64_t{2}}}, 16));
  ExpectNear(half, {1, 1, 1, 1}, {1}, 1e-6);
  EXPECT_THAT(RunOne("RoiAlign", {x, region, Ints({1})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("RoiAlign", {x, Floats({1, 4}, {0, 0, 1e9f, 1e9f}), batch}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("RoiAlign", {x, Floats({1, 3}, {0, 0, 1}), batch}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("RoiAlign", {x, region, batch}, {{"mode", std::string("sum")}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("RoiAlign", {x, region, batch}, {{"output_height", int64_t{0}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(MaxRoiPoolTest, PoolsTheCellsOfARegion) {
  const Tensor x = Floats({1, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  const Attributes attributes = {{"pooled_shape", std::vector<int64_t>{1, 2}}};
  // Columns 1 .. 3 of both rows: cells of 1.5 columns share the middle one.
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MaxRoiPool", {x, Floats({1, 5}, {0, 1, 0, 3, 1})}, attributes));
  ExpectNear(y, {1, 1, 1, 2}, {6, 7}, 0);
  EXPECT_THAT(RunOne("MaxRoiPool", {x, Floats({1, 5}, {-1, 1, 0, 3, 1})}, attributes), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("MaxRoiPool", {x, Floats({1, 5}, {0, 1, 0, 3, 1})}), HasReason("BAD_ATTRIBUTE"));
}

TEST(NonMaxSuppressionTest, KeepsTheBestOfEachPile) {
  // Boxes 0 and 1 share 2/3 of their union; box 2 is far away.
  const Tensor boxes = Floats({1, 3, 4}, {0, 0, 1, 5, 0, 1, 1, 6, 5, 5, 6, 6});
  const Tensor scores = Floats({1, 1, 3}, {0.5f, 0.5f, 0.9f});
  const auto run = [&](int64_t most, float overlap, float score) {
    return ValuesOf<int64_t>(RunOne("NonMaxSuppression", {boxes, scores, Ints({most}), Floats({1}, {overlap}), Floats({1}, {score})}).value());
  };
  EXPECT_EQ(run(9, 0.6f, 0), (std::vector<int64_t>{0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(run(9, 0.7f, 0), (std::vector<int64_t>{0, 0, 2, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(run(1, 0.6f, 0), (std::vector<int64_t>{0, 0, 2}));
  EXPECT_EQ(run(9, 0.6f, 0.5f), (std::vector<int64_t>{0, 0, 2}));
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("NonMaxSuppression", {boxes, scores}));
  EXPECT_EQ(none.shape(), (Shape{0, 3}));
  EXPECT_THAT(RunOne("NonMaxSuppression", {boxes, Floats({1, 1, 2}, {1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("NonMaxSuppression", {boxes, scores, Ints({1, 2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("NonMaxSuppression", {boxes, scores, Ints({1}), Floats({1}, {1.5f})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
