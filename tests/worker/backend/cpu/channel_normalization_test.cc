// LRN, LpNormalization, MeanVarianceNormalization, GroupNormalization, and the rarer forms of LayerNormalization.
#include <cmath>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::RandomTensor;
using testing::RunOne;
using testing::RunOp;

TEST(LrnTest, DividesByTheNeighboursSquares) {
  // Size 2 looks at no channel before and one after: 4 + 1/2 * (1 + 4), and so on.
  ASSERT_OK_AND_ASSIGN(
      const Tensor y,
      RunOne("LRN", {Floats({1, 3, 1}, {1, 2, 3})},
             {{"size", int64_t{2}}, {"alpha", 1.0f}, {"beta", 1.0f}, {"bias", 4.0f}}));
  ExpectNear(y, {1, 3, 1}, {1 / 6.5, 2 / 10.5, 3 / 8.5}, 1e-6);
  EXPECT_THAT(RunOne("LRN", {Floats({1, 3, 1}, {1, 2, 3})}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("LRN", {Floats({3}, {1, 2, 3})}, {{"size", int64_t{1}}}), HasReason("BAD_SHAPE"));
  // A window far wider than the channels is all of them.
  ASSERT_OK_AND_ASSIGN(const Tensor all, RunOne("LRN", {Floats({1, 2}, {3, 4})},
                                                {{"size", int64_t{1} << 62}, {"bias", 2.0f}, {"beta", 1.0f}}));
  ExpectNear(all, {1, 2}, {1.5, 2}, 1e-6);
}

TEST(LpNormalizationTest, GivesVectorsNormOne) {
  const Tensor x = Floats({2, 2}, {3, -4, 0, 0});
  ASSERT_OK_AND_ASSIGN(const Tensor euclid, RunOne("LpNormalization", {x}));
  ExpectNear(euclid, {2, 2}, {0.6, -0.8, 0, 0}, 1e-7);
  ASSERT_OK_AND_ASSIGN(const Tensor sum, RunOne("LpNormalization", {x}, {{"p", int64_t{1}}}));
  ExpectNear(sum, {2, 2}, {3 / 7.0, -4 / 7.0, 0, 0}, 1e-7);
  ASSERT_OK_AND_ASSIGN(const Tensor down, RunOne("LpNormalization", {x}, {{"axis", int64_t{0}}}));
  ExpectNear(down, {2, 2}, {1, -1, 0, 0}, 1e-7);
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("LpNormalization", {Floats({0, 2}, {})}));
  EXPECT_EQ(none.shape(), (Shape{0, 2}));
  EXPECT_THAT(RunOne("LpNormalization", {x}, {{"p", int64_t{3}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("LpNormalization", {x}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(MeanVarianceNormalizationTest, NormalizesOverTheAxes) {
  // Columns 1, 5 and 2, 2: means 3 and 2, deviations 2 and 0.
  const Tensor x = Floats({2, 2}, {1, 2, 5, 2});
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("MeanVarianceNormalization", {x}, {{"axes", std::vector<int64_t>{-2}}}));
  ExpectNear(y, {2, 2}, {-1, 0, 1, 0}, 1e-6);
  EXPECT_THAT(RunOne("MeanVarianceNormalization", {x}), HasReason("BAD_ATTRIBUTE"));
}

TEST(GroupNormalizationTest, NormalizesGroupsOfChannels) {
  // Group 0 of channels 0 and 1: 1, 3 (mean 2, deviation 1); group 1: 0, 8 (mean 4, deviation 4).
  const Tensor x = Floats({1, 4, 1}, {1, 3, 0, 8});
  const testing::Attributes attributes = {{"num_groups", int64_t{2}}, {"epsilon", 0.0f}};
  ASSERT_OK_AND_ASSIGN(const Tensor by_group,
                       RunOne("GroupNormalization", {x, Floats({2}, {2, 3}), Floats({2}, {0, 10})}, attributes, 18));
  ExpectNear(by_group, {1, 4, 1}, {-2, 2, 7, 13}, 1e-6);
  const Tensor scale = Floats({4}, {1, 2, 3, 4}), bias = Floats({4}, {0, 0, 1, 1});
  ASSERT_OK_AND_ASSIGN(const Tensor by_channel, RunOne("GroupNormalization", {x, scale, bias}, attributes, 21));
  ExpectNear(by_channel, {1, 4, 1}, {-1, 2, -2, 5}, 1e-6);
  EXPECT_THAT(RunOne("GroupNormalization", {x, scale, bias}, attributes, 18), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GroupNormalization", {x, scale, bias}, {{"num_groups", int64_t{3}}}, 21),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GroupNormalization", {x, scale, bias}, {}, 21), HasReason("BAD_ATTRIBUTE"));
}

TEST(LayerNormalizationFormsTest, MeanAndInverseDeviationAreOutputs) {
  // Rows 1, 3 and 2, 10: means 2 and 6, deviations 1 and 4.
  const Tensor x = Floats({2, 2}, {1, 3, 2, 10});
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y,
                       RunOp("LayerNormalization", {x, Floats({2}, {1, 2}), Floats({2}, {0, 1})},
                             {{"epsilon", 0.0f}}, 17, 3));
  ExpectNear(y[0], {2, 2}, {-1, 3, -1, 3}, 1e-6);
  ExpectNear(y[1], {2, 1}, {2, 6}, 1e-6);
  ExpectNear(y[2], {2, 1}, {1, 0.25}, 1e-6);
}

TEST(LayerNormalizationFormsTest, ScaleAndBiasAreBroadcast) {
  const Tensor x = RandomTensor({2, 3, 4}, 7);
  ASSERT_OK_AND_ASSIGN(const Tensor plain,
                       RunOne("LayerNormalization", {x, Floats({3, 4}, std::vector<float>(12, 2))}, {{"axis", int64_t{1}}}));
  ASSERT_OK_AND_ASSIGN(const Tensor scalar, RunOne("LayerNormalization", {x, Floats({1}, {2})}, {{"axis", int64_t{-2}}}));
  ExpectNear(scalar, x.shape(), {plain.data<float>(), plain.data<float>() + plain.size()}, 1e-5);
  EXPECT_THAT(RunOne("LayerNormalization", {x, Floats({5}, {1, 1, 1, 1, 1})}), HasReason("BAD_SHAPE"));
}

TEST(DropoutTest, KeepsEverythingAndSaysSo) {
  const Tensor x = Floats({3}, {1, 2, 3});
  const Tensor ratio = Tensor::Scalar(0.5f), training = Tensor::Scalar(true);
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> now, RunOp("Dropout", {x, ratio}, {}, 13, 2));
  EXPECT_TRUE(IdenticalTensors(now[0], x));
  EXPECT_TRUE(IdenticalTensors(now[1], Tensor::Of<bool>({3}, {true, true, true})));
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> old, RunOp("Dropout", {x}, {}, 7, 2));
  EXPECT_TRUE(IdenticalTensors(old[1], Floats({3}, {1, 1, 1})));
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> none, RunOp("Dropout", {x, Tensor::Scalar(0.0f), training}, {}, 13, 2));
  EXPECT_TRUE(IdenticalTensors(none[0], x));
  EXPECT_THAT(RunOne("Dropout", {x, ratio, training}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Dropout", {x, ratio, ratio}), HasReason("UNSUPPORTED_TYPE"));
}

}  // namespace
}  // namespace quantd
