// ConvTranspose against its definition: the sum over inputs and taps that meet at an output position.
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Positions;
using testing::RandomTensor;
using testing::RunOne;

struct TransposeCase {
  std::string name;
  std::vector<int64_t> in, kernel, strides, pads, dilations, added;
  int64_t groups = 1;
};

class ConvTransposeTest : public ::testing::TestWithParam<TransposeCase> {};

TEST_P(ConvTransposeTest, SpreadsEveryInput) {
  const TransposeCase& c = GetParam();
  const size_t rank = c.in.size();
  const int64_t in_channels = 4, group_out = 3, group_in = in_channels / c.groups;
  Shape x_shape = {2, in_channels}, w_shape = {in_channels, group_out}, y_shape = {2, group_out * c.groups};
  for (size_t i = 0; i < rank; ++i) {
    x_shape.push_back(c.in[i]);
    w_shape.push_back(c.kernel[i]);
    y_shape.push_back((c.in[i] - 1) * c.strides[i] + (c.kernel[i] - 1) * c.dilations[i] + 1 + c.added[i] -
                      c.pads[i] - c.pads[i + rank]);
  }
  const Tensor x = RandomTensor(x_shape, 1), w = RandomTensor(w_shape, 2), bias = RandomTensor({y_shape[1]}, 3);
  std::vector<double> expected;
  Positions out(y_shape);
  do {
    const int64_t n = out.at()[0], o = out.at()[1];
    double sum = bias.data<float>()[o];
    Positions tap(w_shape);
    do {
      const int64_t channel = tap.at()[0];
      if (channel / group_in != o / group_out || tap.at()[1] != o % group_out) continue;
      std::vector<int64_t> from = {n, channel};
      bool meets = true;
      for (size_t i = 0; i < rank; ++i) {
        const int64_t distance = out.at()[i + 2] + c.pads[i] - tap.at()[i + 2] * c.dilations[i];
        from.push_back(distance / c.strides[i]);
        meets &= distance >= 0 && distance % c.strides[i] == 0 && from.back() < c.in[i];
      }
      if (meets) sum += static_cast<double>(testing::At<float>(x, from)) * testing::At<float>(w, tap.at());
    } while (tap.Next());
    expected.push_back(sum);
  } while (out.Next());
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("ConvTranspose", {x, w, bias},
                                              {{"strides", c.strides},
                                               {"pads", c.pads},
                                               {"dilations", c.dilations},
                                               {"output_padding", c.added},
                                               {"group", c.groups}}));
  ExpectNear(y, y_shape, expected, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ConvTransposeTest,
    ::testing::Values(TransposeCase{"Line", {5}, {3}, {2}, {1, 0}, {1}, {1}},
                      TransposeCase{"Plane", {3, 4}, {3, 2}, {2, 3}, {1, 0, 2, 1}, {1, 1}, {0, 2}},
                      TransposeCase{"Dilated", {4, 3}, {2, 3}, {1, 2}, {0, 1, 0, 1}, {3, 2}, {0, 0}, 2},
                      TransposeCase{"Depthwise", {3, 3}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, {1, 1}, 4},
                      TransposeCase{"Volume", {2, 3, 2}, {2, 2, 3}, {1, 2, 2}, {0, 1, 0, 1, 0, 1}, {1, 1, 1}, {0, 1, 0}}),
    [](const auto& info) { return info.param.name; });

TEST(ConvTransposeShapeTest, WantedShapeDecidesThePadding) {
  // One input, a kernel of ones through stride 1: the full output is 1 2 2 1; cut to 3, the odd element goes from the front,
  // or from the back for SAME_UPPER.
  const Tensor x = Floats({1, 1, 3}, {1, 1, 1}), w = Floats({1, 1, 2}, {1, 1});
  Attributes attributes = {{"output_shape", std::vector<int64_t>{3}}};
  ASSERT_OK_AND_ASSIGN(const Tensor lower, RunOne("ConvTranspose", {x, w}, attributes));
  ExpectNear(lower, {1, 1, 3}, {2, 2, 1}, 0);
  attributes["auto_pad"] = std::string("SAME_UPPER");
  ASSERT_OK_AND_ASSIGN(const Tensor upper, RunOne("ConvTranspose", {x, w}, attributes));
  ExpectNear(upper, {1, 1, 3}, {1, 2, 2}, 0);
  ASSERT_OK_AND_ASSIGN(const Tensor longer, RunOne("ConvTranspose", {x, w}, {{"output_shape", std::vector<int64_t>{6}}}));
  ExpectNear(longer, {1, 1, 6}, {1, 2, 2, 1, 0, 0}, 0);
}

TEST(ConvTransposeShapeTest, WhatDoesNotFitIsRefused) {
  const Tensor x = RandomTensor({1, 4, 3}, 1), w = RandomTensor({4, 2, 2}, 2);
  const auto run = [&](Attributes attributes) { return RunOne("ConvTranspose", {x, w}, std::move(attributes)); };
  EXPECT_THAT(run({{"group", int64_t{3}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run({{"group", int64_t{0}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"pads", std::vector<int64_t>{4, 4}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(run({{"auto_pad", std::string("FULL")}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"strides", std::vector<int64_t>{1, 1}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"output_shape", std::vector<int64_t>{int64_t{1} << 62}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(run({{"strides", std::vector<int64_t>{int64_t{1} << 31}}, {"dilations", std::vector<int64_t>{int64_t{1} << 31}}}),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ConvTranspose", {x, w, RandomTensor({1}, 3)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ConvTranspose", {x, RandomTensor({5, 2, 2}, 2)}), HasReason("BAD_SHAPE"));
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("ConvTranspose", {Floats({0, 4, 3}, {}), w}));
  EXPECT_EQ(none.shape(), (Shape{0, 2, 4}));
}

}  // namespace
}  // namespace quantd
