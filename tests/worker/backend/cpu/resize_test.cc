// Resize and Upsample: what the standard's own cases leave out, by hand.
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RunOne;
using testing::ValuesOf;

const Tensor kAbsent;

Attributes With(const std::string& mode, const std::string& coordinates) {
  return {{"mode", mode}, {"coordinate_transformation_mode", coordinates}};
}

TEST(ResizeTest, EachCoordinateModeLooksWhereItSays) {
  // 0 1 2 3 to two values: the result is the coordinate itself.
  const Tensor x = Floats({4}, {0, 1, 2, 3}), two = Ints({2});
  const auto run = [&](const std::string& coordinates) {
    return RunOne("Resize", {x, kAbsent, kAbsent, two}, With("linear", coordinates), 19).value();
  };
  ExpectNear(run("half_pixel"), {2}, {0.5, 2.5}, 1e-6);
  ExpectNear(run("half_pixel_symmetric"), {2}, {0.5, 2.5}, 1e-6);
  ExpectNear(run("pytorch_half_pixel"), {2}, {0.5, 2.5}, 1e-6);
  ExpectNear(run("align_corners"), {2}, {0, 3}, 1e-6);
  ExpectNear(run("asymmetric"), {2}, {0, 2}, 1e-6);
  ExpectNear(run("tf_half_pixel_for_nn"), {2}, {1, 3}, 1e-6);
}

TEST(ResizeTest, SymmetricHalfPixelCentresWhatAScaleCutsOff) {
  // 5 * 0.5 = 2.5 is cut to 2; the centres of 2 of 2.5 pixels lie 0.5 later: 5/2 * (1 - 2/2.5) = 0.5.
  const Tensor x = Floats({5}, {0, 1, 2, 3, 4});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Resize", {x, kAbsent, Floats({1}, {0.5f})},
                                              With("linear", "half_pixel_symmetric"), 19));
  ExpectNear(y, {2}, {1, 3}, 1e-6);
}

TEST(ResizeTest, NearestModesDifferHalfWay) {
  // Asymmetric, 4 to 8: coordinates 0, 0.5, 1, 1.5, ...
  const Tensor x = Floats({2}, {0, 1});
  const auto run = [&](const std::string& nearest) {
    Attributes attributes = With("nearest", "asymmetric");
    attributes["nearest_mode"] = nearest;
    return ValuesOf(RunOne("Resize", {x, kAbsent, Floats({1}, {2})}, attributes).value());
  };
  EXPECT_EQ(run("round_prefer_floor"), (std::vector<float>{0, 0, 1, 1}));
  EXPECT_EQ(run("round_prefer_ceil"), (std::vector<float>{0, 1, 1, 1}));
  EXPECT_EQ(run("floor"), (std::vector<float>{0, 0, 1, 1}));
  EXPECT_EQ(run("ceil"), (std::vector<float>{0, 1, 1, 1}));
}

TEST(ResizeTest, AntialiasAveragesWhatItSkips) {
  // 4 to 2, the triangle twice as wide: around 0.5 the weights at -1 .. 2 are 1/4, 3/4, 3/4, 1/4 halves, the edge repeated.
  Attributes attributes = With("linear", "half_pixel");
  attributes["antialias"] = int64_t{1};
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Resize", {Floats({4}, {8, 0, 0, 8}), kAbsent, kAbsent, Ints({2})}, attributes, 18));
  ExpectNear(y, {2}, {(2 + 6 + 0 + 0) / 2.0, 4}, 1e-6);
  // Without what lies outside: (6 + 0 + 0) / (3/4 + 3/4 + 1/4).
  attributes["exclude_outside"] = int64_t{1};
  ASSERT_OK_AND_ASSIGN(const Tensor inside, RunOne("Resize", {Floats({4}, {8, 0, 0, 8}), kAbsent, kAbsent, Ints({2})}, attributes, 18));
  ExpectNear(inside, {2}, {6 / 1.75, 6 / 1.75}, 1e-6);
}

TEST(ResizeTest, AxesAndAspectPolicies) {
  const Tensor x = Floats({1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  const auto shape = [&](const std::string& policy) {
    return RunOne("Resize", {x, kAbsent, kAbsent, Ints({12, 4})},
                  {{"axes", std::vector<int64_t>{-1, 1}}, {"keep_aspect_ratio_policy", policy}}, 18)
        .value().shape();
  };
  EXPECT_EQ(shape("stretch"), (Shape{1, 4, 12}));
  EXPECT_EQ(shape("not_larger"), (Shape{1, 4, 8}));    // Scales 3 and 2.
  EXPECT_EQ(shape("not_smaller"), (Shape{1, 6, 12}));
}

TEST(ResizeTest, CropsAndExtrapolates) {
  // Rows from 0.5 to 1.5 of the axis 0 .. 2: coordinates 1, 2, 3; the last lies outside.
  Attributes attributes = With("linear", "tf_crop_and_resize");
  attributes["extrapolation_value"] = -1.0f;
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Resize", {Floats({3}, {5, 6, 7}), Floats({2}, {0.5f, 1.5f}), kAbsent, Ints({3})}, attributes));
  ExpectNear(y, {3}, {6, 7, -1}, 1e-6);
  EXPECT_THAT(RunOne("Resize", {Floats({3}, {5, 6, 7}), kAbsent, kAbsent, Ints({3})}, attributes), HasReason("BAD_SHAPE"));
}

TEST(ResizeTest, IntegersAndOldForms) {
  const Tensor bytes = Tensor::Of<uint8_t>({2}, {10, 20});
  ASSERT_OK_AND_ASSIGN(const Tensor linear, RunOne("Resize", {bytes, kAbsent, kAbsent, Ints({4})}, With("linear", "half_pixel")));
  EXPECT_EQ(ValuesOf<uint8_t>(linear), (std::vector<uint8_t>{10, 12, 17, 20}));
  const Tensor longs = Ints({7, 8});
  ASSERT_OK_AND_ASSIGN(const Tensor nearest, RunOne("Resize", {longs, Floats({1}, {2})}, {}, 10));
  EXPECT_EQ(ValuesOf<int64_t>(nearest), (std::vector<int64_t>{7, 7, 8, 8}));
  ASSERT_OK_AND_ASSIGN(const Tensor old, RunOne("Upsample", {Floats({2}, {1, 3})},
                                                {{"mode", std::string("linear")}, {"scales", std::vector<float>{2}}}, 7));
  ExpectNear(old, {4}, {1, 2, 3, 3}, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor later, RunOne("Upsample", {Floats({2}, {1, 3}), Floats({1}, {1.5f})}, {}, 9));
  ExpectNear(later, {3}, {1, 1, 3}, 0);
}

TEST(ResizeTest, WhatDoesNotFitIsRefused) {
  const Tensor x = Floats({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({1}, {2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({2}, {1, -2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({2}, {1, std::numeric_limits<float>::quiet_NaN()})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({2}, {1e9f, 1e9f})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, kAbsent, Ints({2, -1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({2}, {1, 1}), Ints({2, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {Floats({0, 2}, {}), kAbsent, kAbsent, Ints({2, 2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, Floats({2}, {1, 1})}, {{"mode", std::string("area")}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Resize", {x, kAbsent, kAbsent, Ints({2, 2})}, {{"axes", std::vector<int64_t>{0, 0}}}, 18), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Upsample", {x}, {}, 7), HasReason("BAD_ATTRIBUTE"));
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("Resize", {x, kAbsent, kAbsent, Ints({0, 2})}));
  EXPECT_EQ(none.shape(), (Shape{0, 2}));
}

}  // namespace
}  // namespace quantd
