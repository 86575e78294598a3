// Pools against their definition, two axes written out.
#include <cmath>
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using ::testing::ElementsAre;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

struct PoolCase {
  std::string name;
  std::vector<int64_t> kernel, strides, pads;
  bool ceil = false;
  bool include_pad = false;
  std::vector<int64_t> dilations = {1, 1};
};

// Extent of one axis by the operator's formula; with ceil, a window must start inside the input or
// its left padding.
int64_t Extent(const PoolCase& c, int64_t in, size_t axis) {
  const double room = static_cast<double>(in + c.pads[axis] + c.pads[axis + 2] -
                                          ((c.kernel[axis] - 1) * c.dilations[axis] + 1));
  const double steps = room / static_cast<double>(c.strides[axis]);
  int64_t out = static_cast<int64_t>(c.ceil ? std::ceil(steps) : std::floor(steps)) + 1;
  while (c.ceil && (out - 1) * c.strides[axis] >= in + c.pads[axis]) --out;
  return out;
}

void NaivePool(const PoolCase& c, const Tensor& x, bool maximum, Shape& shape,
               std::vector<double>& y) {
  const int64_t rows = x.dim(2), columns = x.dim(3);
  shape = {x.dim(0), x.dim(1), Extent(c, rows, 0), Extent(c, columns, 1)};
  for (int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
    for (int64_t i = 0; i < shape[2]; ++i) {
      for (int64_t j = 0; j < shape[3]; ++j) {
        double sum = 0, most = -std::numeric_limits<double>::infinity();
        int count = 0;
        for (int64_t k = 0; k < c.kernel[0] * c.kernel[1]; ++k) {
          const int64_t r = i * c.strides[0] - c.pads[0] + k / c.kernel[1] * c.dilations[0];
          const int64_t s = j * c.strides[1] - c.pads[1] + k % c.kernel[1] * c.dilations[1];
          // What hangs over the end's padding counts nowhere.
          if (r >= rows + c.pads[2] || s >= columns + c.pads[3]) continue;
          const bool inside = r >= 0 && s >= 0 && r < rows && s < columns;
          if (inside || c.include_pad) ++count;
          if (!inside) continue;
          const double value = x.data<float>()[(plane * rows + r) * columns + s];
          sum += value;
          most = std::max(most, value);
        }
        y.push_back(maximum ? most : sum / count);
      }
    }
  }
}

class PoolTest : public ::testing::TestWithParam<PoolCase> {};

TEST_P(PoolTest, FoldsTheWindow) {
  const PoolCase& c = GetParam();
  const Tensor x = RandomTensor({2, 3, 7, 8}, 1);
  Attributes attributes = {{"kernel_shape", c.kernel},
                           {"strides", c.strides},
                           {"pads", c.pads},
                           {"dilations", c.dilations},
                           {"ceil_mode", int64_t{c.ceil}}};
  Shape shape;
  std::vector<double> expected;
  NaivePool(c, x, true, shape, expected);
  ASSERT_OK_AND_ASSIGN(const Tensor largest, RunOne("MaxPool", {x}, attributes));
  ExpectNear(largest, shape, expected, 0);

  attributes["count_include_pad"] = int64_t{c.include_pad};
  expected.clear();
  NaivePool(c, x, false, shape, expected);
  ASSERT_OK_AND_ASSIGN(const Tensor mean, RunOne("AveragePool", {x}, attributes));
  ExpectNear(mean, shape, expected, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Windows, PoolTest,
    ::testing::Values(PoolCase{"Plain", {2, 2}, {2, 2}, {0, 0, 0, 0}},
                      PoolCase{"Overlapping", {3, 2}, {1, 1}, {0, 0, 0, 0}},
                      PoolCase{"Padded", {3, 3}, {2, 2}, {1, 1, 1, 1}},
                      PoolCase{"PaddedAndCounted", {3, 3}, {2, 2}, {1, 0, 1, 1}, false, true},
                      PoolCase{"Ceil", {2, 3}, {2, 3}, {0, 0, 0, 0}, true},
                      PoolCase{"CeilPadded", {3, 3}, {2, 3}, {1, 1, 1, 1}, true},
                      PoolCase{"CeilCounted", {3, 3}, {2, 3}, {1, 1, 0, 1}, true, true},
                      PoolCase{"CeilOverTheEnd", {1, 1}, {3, 4}, {0, 0, 1, 1}, true},
                      PoolCase{"Dilated", {2, 3}, {1, 2}, {1, 1, 0, 1}, false, false, {2, 2}}),
    [](const auto& info) { return info.param.name; });

TEST(PoolTest, OfOneAndThreeAxes) {
  ASSERT_OK_AND_ASSIGN(const Tensor one, RunOne("MaxPool", {Floats({1, 1, 5}, {1, 4, 2, 3, 9})},
                                                {{"kernel_shape", std::vector<int64_t>{2}}}));
  EXPECT_THAT(ValuesOf(one), ElementsAre(4, 4, 3, 9));
  ASSERT_OK_AND_ASSIGN(const Tensor three,
                       RunOne("AveragePool", {Floats({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})},
                              {{"kernel_shape", std::vector<int64_t>{2, 2, 2}}}));
  EXPECT_THAT(ValuesOf(three), ElementsAre(4.5f));
}

TEST(PoolTest, ANanIsTheMaximum) {
  const float nan = std::nanf("");
  for (const std::vector<float>& values :
       {std::vector<float>{nan, 1, 2}, std::vector<float>{1, nan, 2},
        std::vector<float>{1, 2, nan}}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MaxPool", {Floats({1, 1, 3}, values)},
                                                {{"kernel_shape", std::vector<int64_t>{3}}}));
    EXPECT_TRUE(std::isnan(ValuesOf(y)[0]));
    ASSERT_OK_AND_ASSIGN(const Tensor global, RunOne("GlobalMaxPool", {Floats({1, 1, 3}, values)}));
    EXPECT_TRUE(std::isnan(ValuesOf(global)[0]));
  }
}

TEST(GlobalPoolTest, FoldsThePlane) {
  const Tensor x = Floats({1, 2, 2, 2}, {1, 2, 3, 6, -1, -2, -3, -4});
  ASSERT_OK_AND_ASSIGN(const Tensor mean, RunOne("GlobalAveragePool", {x}));
  EXPECT_EQ(mean.shape(), (Shape{1, 2, 1, 1}));
  EXPECT_THAT(ValuesOf(mean), ElementsAre(3, -2.5f));
  ASSERT_OK_AND_ASSIGN(const Tensor most, RunOne("GlobalMaxPool", {x}));
  EXPECT_THAT(ValuesOf(most), ElementsAre(6, -1));
}

TEST(PoolTest, WhatDoesNotFitIsRefused) {
  const Tensor x = RandomTensor({1, 1, 4, 4}, 1);
  EXPECT_THAT(RunOne("MaxPool", {x}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MaxPool", {x}, {{"kernel_shape", std::vector<int64_t>{5, 1}}}),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MaxPool", {x}, {{"kernel_shape", std::vector<int64_t>{0, 1}}}),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(
      RunOne("AveragePool", {RandomTensor({4, 4}, 1)}, {{"kernel_shape", std::vector<int64_t>{}}}),
      HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GlobalAveragePool", {Tensor(DataType::kFloat, {1, 2, 0})}),
              HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
