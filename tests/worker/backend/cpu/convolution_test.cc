// Conv against its definition: one sum over the window for each output.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::HasReason;
using testing::Positions;
using testing::RandomTensor;
using testing::RunOne;

struct ConvCase {
  std::string name;
  Shape input;
  Shape weight;
  int64_t group = 1;
  std::vector<int64_t> strides;  // One an axis, as all below.
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;  // Begins, then ends.
};

int64_t OffsetOf(const Shape& shape, const std::vector<int64_t>& position) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) offset = offset * shape[axis] + position[axis];
  return offset;
}

// sum over input channels of the group and the window, zero outside of the input.
void NaiveConv(const ConvCase& c, const Tensor& x, const Tensor& w, const Tensor* b, Shape& shape,
               std::vector<double>& y) {
  const size_t axes = c.strides.size();
  shape = {c.input[0], c.weight[0]};
  for (size_t a = 0; a < axes; ++a) {
    const int64_t span = (c.weight[a + 2] - 1) * c.dilations[a] + 1;
    shape.push_back((c.input[a + 2] + c.pads[a] + c.pads[a + axes] - span) / c.strides[a] + 1);
  }
  const int64_t channels_per_group = c.weight[0] / c.group;
  Positions output(shape);
  do {
    const std::vector<int64_t>& at = output.at();
    double sum = b == nullptr ? 0 : b->data<float>()[at[1]];
    Shape window(c.weight.begin() + 1, c.weight.end());
    Positions inside(window);
    do {
      std::vector<int64_t> from = {at[0],
                                   at[1] / channels_per_group * c.weight[1] + inside.at()[0]};
      std::vector<int64_t> weight_at = {at[1], inside.at()[0]};
      bool within = true;
      for (size_t a = 0; a < axes; ++a) {
        const int64_t k = inside.at()[a + 1];
        from.push_back(at[a + 2] * c.strides[a] + k * c.dilations[a] - c.pads[a]);
        weight_at.push_back(k);
        within = within && from.back() >= 0 && from.back() < c.input[a + 2];
      }
      if (within) {
        sum += static_cast<double>(x.data<float>()[OffsetOf(c.input, from)]) *
               w.data<float>()[OffsetOf(c.weight, weight_at)];
      }
    } while (inside.Next());
    y.push_back(sum);
  } while (output.Next());
}

class ConvTest : public ::testing::TestWithParam<ConvCase> {};

TEST_P(ConvTest, IsTheSumOverTheWindow) {
  const ConvCase& c = GetParam();
  const Tensor x = RandomTensor(c.input, 1), w = RandomTensor(c.weight, 2);
  const Tensor b = RandomTensor({c.weight[0]}, 3);
  const Attributes attributes = {
      {"group", c.group}, {"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}};
  for (const Tensor* bias : {static_cast<const Tensor*>(nullptr), &b}) {
    Shape shape;
    std::vector<double> expected;
    NaiveConv(c, x, w, bias, shape, expected);
    ASSERT_OK_AND_ASSIGN(const Tensor y,
                         RunOne("Conv", {x, w, bias == nullptr ? Tensor() : *bias}, attributes));
    ExpectNear(y, shape, expected, 1e-5);
  }
}

// [N, C, spatial...] as [N, spatial..., C] or back.
Tensor Turned(const Tensor& tensor, bool to_last) {
  std::vector<int64_t> perm = {0};
  const int64_t rank = static_cast<int64_t>(tensor.rank());
  if (!to_last) perm.push_back(rank - 1);
  for (int64_t axis = to_last ? 2 : 1; axis < (to_last ? rank : rank - 1); ++axis) perm.push_back(axis);
  if (to_last) perm.push_back(1);
  return RunOne("Transpose", {tensor}, {{"perm", perm}}).value();
}

TEST_P(ConvTest, FusedAddsTheResidualAndAppliesTheActivation) {
  const ConvCase& c = GetParam();
  const Tensor x = RandomTensor(c.input, 1), w = RandomTensor(c.weight, 2);
  const Tensor b = RandomTensor({c.weight[0]}, 3);
  Shape shape;
  std::vector<double> expected;
  NaiveConv(c, x, w, &b, shape, expected);
  const Tensor residual = RandomTensor(shape, 4, 3);
  for (const bool channels_last : {false, true}) {
    const Attributes attributes = {{"group", c.group},
                                   {"strides", c.strides},
                                   {"dilations", c.dilations},
                                   {"pads", c.pads},
                                   {"channels_last", int64_t{channels_last}},
                                   {"activation", std::string("clip")},
                                   {"activation_alpha", -0.5f},
                                   {"activation_beta", 1.0f}};
    std::vector<Tensor> inputs = {x, w, b, residual};
    if (channels_last) {
      inputs[0] = Turned(x, true);
      inputs[3] = Turned(residual, true);
    }
    ASSERT_OK_AND_ASSIGN(std::vector<Tensor> results,
                         testing::RunOp("FusedConv", inputs, attributes, 17, 1, "quantd"));
    const Tensor y = channels_last ? Turned(results[0], false) : results[0];
    std::vector<double> fused = expected;
    for (size_t i = 0; i < fused.size(); ++i) {
      fused[i] = std::clamp(fused[i] + residual.data<float>()[i], -0.5, 1.0);
    }
    ExpectNear(y, shape, fused, 1e-5);
  }
}

// Each as its formula, at values on both sides of its kinks.
TEST(FusedConvTest, ActivationsAreThoseOfTheirNames) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const std::map<std::string, std::function<double(double)>> functions = {
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"leaky_relu", [](double x) { return x < 0 ? 0.25 * x : x; }},
      {"clip", [](double x) { return std::clamp(x, 0.25, 2.0); }},
      {"sigmoid", sigmoid},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"elu", [](double x) { return x < 0 ? 0.25 * (std::exp(x) - 1) : x; }},
      {"hard_swish", [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }},
      {"silu", [&](double x) { return x * sigmoid(x); }},
      {"gelu_erf", [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"gelu_tanh",
       [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }}};
  const Tensor x = RandomTensor({1, 1, 8, 8}, 1, 5);
  const Tensor one = testing::Floats({1, 1, 1, 1}, {1});
  for (const auto& [name, function] : functions) {
    const Attributes attributes = {
        {"activation", name}, {"activation_alpha", 0.25f}, {"activation_beta", 2.0f}};
    ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> results,
                         testing::RunOp("FusedConv", {x, one}, attributes, 17, 1, "quantd"));
    std::vector<double> expected;
    for (int64_t i = 0; i < x.size(); ++i) expected.push_back(function(x.data<float>()[i]));
    SCOPED_TRACE(name);
    ExpectNear(results[0], x.shape(), expected, 1e-5);
  }
}

TEST(FusedConvTest, AnUnknownActivationIsRefused) {
  EXPECT_THAT(testing::RunOp("FusedConv", {RandomTensor({1, 1, 2, 2}, 1), RandomTensor({1, 1, 1, 1}, 2)},
                             {{"activation", std::string("selu")}}, 17, 1, "quantd"),
              HasReason("BAD_ATTRIBUTE"));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ConvTest,
    ::testing::Values(
        ConvCase{"Plain", {2, 3, 7, 5}, {4, 3, 3, 3}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        ConvCase{"Padded", {1, 3, 6, 6}, {5, 3, 3, 3}, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        ConvCase{"Lopsided", {1, 2, 6, 7}, {3, 2, 3, 2}, 1, {2, 1}, {1, 1}, {0, 2, 1, 0}},
        ConvCase{"StrideLeavesARest", {1, 2, 8, 8}, {3, 2, 3, 3}, 1, {2, 3}, {1, 1}, {0, 0, 0, 0}},
        ConvCase{"Dilated", {1, 2, 9, 9}, {3, 2, 3, 3}, 1, {1, 1}, {2, 3}, {2, 3, 2, 3}},
        ConvCase{"Grouped", {2, 6, 5, 5}, {4, 3, 3, 3}, 2, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        ConvCase{"Depthwise", {1, 8, 6, 6}, {8, 1, 3, 3}, 8, {2, 2}, {1, 1}, {0, 0, 1, 1}},
        ConvCase{"DepthwiseTwice", {1, 4, 5, 5}, {8, 1, 3, 3}, 4, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        ConvCase{"Pointwise", {3, 16, 4, 4}, {24, 16, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        ConvCase{"WholeImage", {2, 3, 5, 4}, {7, 3, 5, 4}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        ConvCase{"OneAxis", {2, 3, 11}, {4, 3, 4}, 1, {2}, {1}, {1, 2}},
        ConvCase{"OneAxisGrouped", {2, 4, 9}, {4, 2, 3}, 2, {1}, {2}, {2, 2}},
        ConvCase{"ThreeAxes",
                 {1, 2, 4, 5, 6},
                 {3, 2, 2, 3, 2},
                 1,
                 {1, 2, 1},
                 {1, 1, 2},
                 {0, 1, 1, 1, 1, 0}}),
    [](const auto& info) { return info.param.name; });

TEST(ConvTest, SamePaddingKeepsTheExtentDividedByTheStride) {
  // Extent 6, stride 2, kernel 3: 3 outputs span 7, so one row of padding, at the end for UPPER.
  const Tensor x = RandomTensor({1, 1, 6, 6}, 1), w = RandomTensor({1, 1, 3, 3}, 2);
  const std::vector<int64_t> strides = {2, 2};
  for (const auto& [name, pads] : {std::pair("SAME_UPPER", std::vector<int64_t>{0, 0, 1, 1}),
                                   std::pair("SAME_LOWER", std::vector<int64_t>{1, 1, 0, 0}),
                                   std::pair("VALID", std::vector<int64_t>{0, 0, 0, 0})}) {
    ASSERT_OK_AND_ASSIGN(
        const Tensor automatic,
        RunOne("Conv", {x, w}, {{"auto_pad", std::string(name)}, {"strides", strides}}));
    ASSERT_OK_AND_ASSIGN(const Tensor given,
                         RunOne("Conv", {x, w}, {{"pads", pads}, {"strides", strides}}));
    EXPECT_TRUE(IdenticalTensors(automatic, given)) << name;
  }
}

TEST(ConvTest, AnEmptyBatchGivesAnEmptyBatch) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Conv", {RandomTensor({0, 2, 5, 5}, 1),
                                                       RandomTensor({3, 2, 3, 3}, 2)}));
  EXPECT_EQ(y.shape(), (Shape{0, 3, 3, 3}));
}

TEST(ConvTest, WhatDoesNotFitIsRefused) {
  const Tensor x = RandomTensor({1, 4, 5, 5}, 1), w = RandomTensor({6, 4, 3, 3}, 2);
  EXPECT_THAT(RunOne("Conv", {x, RandomTensor({6, 3, 3, 3}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, RandomTensor({6, 4, 3}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, RandomTensor({6, 4, 6, 6}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, w, RandomTensor({5}, 3)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, w}, {{"group", int64_t{3}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, w}, {{"group", int64_t{0}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Conv", {x, w}, {{"strides", std::vector<int64_t>{0, 1}}}),
              HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Conv", {x, w}, {{"pads", std::vector<int64_t>{-1, 0, 0, 0}}}),
              HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Conv", {x, w}, {{"pads", std::vector<int64_t>{1, 1}}}),
              HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Conv", {x, Tensor::Of<int64_t>({1, 4, 1, 1}, {1, 2, 3, 4})}),
              HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("Conv", {x}), HasReason("MISSING_INPUT"));
}

}  // namespace
}  // namespace quantd
