// MaxPool with indices and over integers, MaxUnpool, LpPool: small tensors worked out by hand.
#include <cmath>
#include <limits>

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
using testing::RunOp;
using testing::ValuesOf;
using Extents = std::vector<int64_t>;

TEST(MaxPoolIndicesTest, CountThroughTheTensorInEitherOrder) {
  // Two planes of 2 x 3.
  const Tensor x = Floats({1, 2, 2, 3}, {1, 5, 2, 4, 3, 6, 9, 9, 0, 9, 7, 8});
  Attributes attributes = {{"kernel_shape", Extents{2, 2}}};
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> rows, RunOp("MaxPool", {x}, attributes, 12, 2));
  EXPECT_THAT(ValuesOf(rows[0]), ElementsAre(5, 6, 9, 9));
  // Among equals the first in row order.
  EXPECT_THAT(ValuesOf<int64_t>(rows[1]), ElementsAre(1, 5, 6, 7));
  attributes["storage_order"] = int64_t{1};
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> columns, RunOp("MaxPool", {x}, attributes, 12, 2));
  // Row r, column c of a plane is r + 2 c: (0, 1), (1, 2), then (0, 0), (0, 1) of the second.
  EXPECT_THAT(ValuesOf<int64_t>(columns[1]), ElementsAre(2, 5, 6, 8));
}

TEST(MaxPoolIndicesTest, ValuesAreThoseOfThePlainPool) {
  const Tensor x = RandomTensor({2, 3, 5, 6, 4}, 3);
  const Attributes attributes = {{"kernel_shape", Extents{3, 2, 2}},   {"strides", Extents{2, 2, 1}},
                                 {"pads", Extents{1, 0, 1, 1, 1, 0}}, {"dilations", Extents{1, 2, 1}},
                                 {"ceil_mode", int64_t{1}}};
  ASSERT_OK_AND_ASSIGN(const Tensor plain, RunOne("MaxPool", {x}, attributes));
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> both, RunOp("MaxPool", {x}, attributes, 12, 2));
  EXPECT_TRUE(IdenticalTensors(plain, both[0]));
  for (int64_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(x.data<float>()[both[1].data<int64_t>()[i]], plain.data<float>()[i]);
  }
}

TEST(MaxPoolIndicesTest, IntegersArePooledToo) {
  const Attributes attributes = {{"kernel_shape", Extents{2}}, {"pads", Extents{1, 0}}};
  ASSERT_OK_AND_ASSIGN(const Tensor bytes, RunOne("MaxPool", {Tensor::Of<uint8_t>({1, 1, 3}, {7, 255, 0})}, attributes));
  EXPECT_THAT(ValuesOf<uint8_t>(bytes), ElementsAre(7, 255, 255));
  ASSERT_OK_AND_ASSIGN(const Tensor negative, RunOne("MaxPool", {Tensor::Of<int8_t>({1, 1, 3}, {-128, -3, -5})}, attributes));
  EXPECT_THAT(ValuesOf<int8_t>(negative), ElementsAre(-128, -3, -3));
  EXPECT_THAT(RunOne("MaxPool", {Tensor::Of<int64_t>({1, 1, 3}, {1, 2, 3})}, attributes), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOp("MaxPool", {Floats({3}, {1, 2, 3})}, attributes, 12, 2), HasReason("BAD_SHAPE"));
}

TEST(MaxUnpoolTest, PutsTheMaximaBack) {
  const Tensor x = Floats({1, 1, 2}, {5, 6}), where = Tensor::Of<int64_t>({1, 1, 2}, {1, 2});
  const Attributes attributes = {{"kernel_shape", Extents{2}}, {"strides", Extents{2}}};
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MaxUnpool", {x, where}, attributes));
  ExpectNear(y, {1, 1, 4}, {0, 5, 6, 0}, 0);
  ASSERT_OK_AND_ASSIGN(const Tensor wide, RunOne("MaxUnpool", {x, where, testing::Ints({1, 1, 5})}, attributes));
  ExpectNear(wide, {1, 1, 5}, {0, 5, 6, 0, 0}, 0);
  EXPECT_THAT(RunOne("MaxUnpool", {x, Tensor::Of<int64_t>({1, 1, 2}, {1, 4})}, attributes), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("MaxUnpool", {x, Tensor::Of<int64_t>({1, 1, 2}, {1, -1})}, attributes), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("MaxUnpool", {x, where}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("MaxUnpool", {x, where, testing::Ints({1, -1, 5})}, attributes), HasReason("BAD_SHAPE"));
}

TEST(LpPoolTest, TakesNorms) {
  const Tensor x = Floats({1, 1, 3}, {3, -4, 12});
  ASSERT_OK_AND_ASSIGN(const Tensor two, RunOne("LpPool", {x}, {{"kernel_shape", Extents{2}}}));
  ExpectNear(two, {1, 1, 2}, {5, std::sqrt(160.0)}, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor one,
                       RunOne("LpPool", {x}, {{"kernel_shape", Extents{2}}, {"p", int64_t{1}}, {"pads", Extents{1, 0}}}));
  ExpectNear(one, {1, 1, 3}, {3, 7, 16}, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Tensor global, RunOne("GlobalLpPool", {x}, {{"p", int64_t{3}}}));
  ExpectNear(global, {1, 1, 1}, {std::cbrt(27.0 + 64 + 1728)}, 1e-5);
  EXPECT_THAT(RunOne("LpPool", {x}, {{"kernel_shape", Extents{2}}, {"p", int64_t{0}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("LpPool", {x}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("GlobalLpPool", {Floats({3}, {1, 2, 3})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
