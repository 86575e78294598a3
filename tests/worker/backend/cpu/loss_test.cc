// Losses, Hardmax, PRelu and depth to space, by hand.
#include <cmath>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomTensor;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;

TEST(LossTest, WeighsTargetsAndLeavesSomeOut) {
  const Tensor x = Floats({3, 2}, {-1, -2, -3, -4, -5, -6}), weights = Floats({2}, {1, 3});
  const Tensor targets = Ints({1, -1, 0});
  const auto run = [&](const std::string& reduction) {
    return RunOne("NegativeLogLikelihoodLoss", {x, targets, weights},
                  {{"reduction", reduction}, {"ignore_index", int64_t{-1}}}, 13).value();
  };
  ExpectNear(run("none"), {3}, {6, 0, 5}, 1e-6);
  ExpectNear(run("sum"), {}, {11}, 1e-6);
  ExpectNear(run("mean"), {}, {11 / 4.0}, 1e-6);
  EXPECT_THAT(RunOne("NegativeLogLikelihoodLoss", {x, targets}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("NegativeLogLikelihoodLoss", {x, Ints({1, 2, 0})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("NegativeLogLikelihoodLoss", {x, Ints({1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("NegativeLogLikelihoodLoss", {x, targets}, {{"reduction", std::string("max")}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(LossTest, CrossEntropyTakesTheLogarithmOfTheSoftmax) {
  // Scores 0 and log 3 are probabilities 1/4 and 3/4; large scores do not overflow.
  const float log3 = std::log(3.0f);
  const Tensor x = Floats({2, 2}, {0, log3, 1000, 1000 + log3});
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y,
                       RunOp("SoftmaxCrossEntropyLoss", {x, Ints({0, 1})}, {{"reduction", std::string("none")}}, 13, 2));
  ExpectNear(y[0], {2}, {std::log(4.0), std::log(4 / 3.0)}, 1e-4);
  ExpectNear(y[1], {2, 2}, {std::log(0.25), std::log(0.75), std::log(0.25), std::log(0.75)}, 1e-4);
}

TEST(HardmaxTest, MarksTheFirstOfTheLargest) {
  const Tensor x = Floats({2, 3}, {1, 3, 3, 5, 2, 5});
  ASSERT_OK_AND_ASSIGN(const Tensor rows, RunOne("Hardmax", {x}));
  EXPECT_THAT(ValuesOf(rows), ElementsAre(0, 1, 0, 1, 0, 0));
  ASSERT_OK_AND_ASSIGN(const Tensor columns, RunOne("Hardmax", {x}, {{"axis", int64_t{0}}}));
  EXPECT_THAT(ValuesOf(columns), ElementsAre(0, 1, 0, 1, 0, 1));
  // Until opset 12, everything from the axis on is one vector.
  ASSERT_OK_AND_ASSIGN(const Tensor matrix, RunOne("Hardmax", {x}, {{"axis", int64_t{0}}}, 12));
  EXPECT_THAT(ValuesOf(matrix), ElementsAre(0, 0, 0, 1, 0, 0));
  EXPECT_THAT(RunOne("Hardmax", {x}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(PReluTest, SlopesAreBroadcast) {
  const Tensor x = Floats({1, 2, 2}, {-1, 1, -2, -3});
  ASSERT_OK_AND_ASSIGN(const Tensor last, RunOne("PRelu", {x, Floats({2}, {10, 100})}));
  ExpectNear(last, x.shape(), {-10, 1, -20, -300}, 0);
  // In opset 6 one axis of slopes is that of the channels.
  ASSERT_OK_AND_ASSIGN(const Tensor channels, RunOne("PRelu", {x, Floats({2}, {10, 100})}, {}, 6));
  ExpectNear(channels, x.shape(), {-10, 1, -200, -300}, 0);
  ASSERT_OK_AND_ASSIGN(const Tensor integers, RunOne("PRelu", {Ints({-2, 3}), Ints({5})}));
  EXPECT_THAT(ValuesOf<int64_t>(integers), ElementsAre(-10, 3));
  ASSERT_OK_AND_ASSIGN(const Tensor scalar, RunOne("PRelu", {Tensor::Scalar(-2.0f), Tensor::Scalar(0.5f)}));
  EXPECT_THAT(ValuesOf(scalar), ElementsAre(-1));
  EXPECT_THAT(RunOne("PRelu", {x, Floats({3}, {1, 1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("PRelu", {x, Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(DepthToSpaceTest, ElementsMoveWhereTheFormulaSays) {
  const Tensor x = RandomTensor({2, 12, 2, 3}, 1);
  for (const std::string mode : {"DCR", "CRD"}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("DepthToSpace", {x}, {{"blocksize", int64_t{2}}, {"mode", mode}}));
    ASSERT_EQ(y.shape(), (Shape{2, 3, 4, 6}));
    testing::Positions out(y.shape());
    do {
      const auto& p = out.at();
      const int64_t block = p[2] % 2 * 2 + p[3] % 2;
      const int64_t channel = mode == "DCR" ? block * 3 + p[1] : p[1] * 4 + block;
      EXPECT_EQ(testing::At<float>(y, p), testing::At<float>(x, {p[0], channel, p[2] / 2, p[3] / 2}));
    } while (out.Next());
    if (mode == "CRD") continue;
    ASSERT_OK_AND_ASSIGN(const Tensor back, RunOne("SpaceToDepth", {y}, {{"blocksize", int64_t{2}}}));
    EXPECT_TRUE(IdenticalTensors(back, x));
  }
  EXPECT_THAT(RunOne("DepthToSpace", {x}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("DepthToSpace", {x}, {{"blocksize", int64_t{1} << 40}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("DepthToSpace", {x}, {{"blocksize", int64_t{5}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("SpaceToDepth", {x}, {{"blocksize", int64_t{2}}}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
