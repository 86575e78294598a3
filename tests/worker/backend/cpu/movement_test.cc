// Operators that move elements, against the place that each element must come from.
#include <algorithm>
#include <numeric>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::Positions;
using testing::RandomWhole;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;
using testing::VectorOf;

std::vector<int64_t> L(std::initializer_list<int64_t> values) { return values; }

// The element at `position`.
template <typename T>
T Element(const Tensor& x, const std::vector<int64_t>& position) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < x.rank(); ++axis) offset = offset * x.dim(axis) + position[axis];
  return x.data<T>()[offset];
}

template <typename T>
class MovementTest : public ::testing::Test {};
TYPED_TEST_SUITE(MovementTest, testing::ElementTypes);

// Extents above and below a tile, and 1.
TYPED_TEST(MovementTest, TransposeFollowsEveryPermutation) {
  using T = TypeParam;
  for (const Shape& shape : {Shape{3, 17, 2, 21}, Shape{1, 18, 1, 5}, Shape{2, 3, 40, 1}, Shape{2, 0, 3, 4}}) {
    const Tensor x = RandomWhole<T>(shape, 1);
    std::vector<int64_t> order = {0, 1, 2, 3};
    do {
      ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Transpose", {x}, {{"perm", order}}));
      Shape expected;
      for (const int64_t axis : order) expected.push_back(shape[static_cast<size_t>(axis)]);
      ASSERT_EQ(y.shape(), expected);
      if (y.size() == 0) continue;
      Positions at(expected);
      int64_t i = 0;
      bool equal = true;
      do {
        std::vector<int64_t> from(4);
        for (size_t k = 0; k < 4; ++k) from[static_cast<size_t>(order[k])] = at.at()[k];
        equal = equal && y.data<T>()[i++] == Element<T>(x, from);
      } while (at.Next());
      EXPECT_TRUE(equal) << ShapeString(order) << " of " << ShapeString(shape);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TYPED_TEST(MovementTest, SliceTakesWhatPythonTakes) {
  using T = TypeParam;
  const Tensor x = RandomWhole<T>({5, 4, 6}, 1);
  const struct { int64_t start, end, step; } ranges[] = {{0, 5, 1}, {4, -9, -1}, {1, 4, 2}, {3, 0, -2}, {-2, 99, 1}};
  for (const auto& a : ranges) {
    for (const auto& c : ranges) {
      ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Slice", {x, Ints({a.start, c.start}), Ints({a.end, c.end}), Ints({0, -1}),
                                                            Ints({a.step, c.step})}));
      // Python: range(*slice(start, end, step).indices(extent)).
      const auto indices = [](const auto& range, int64_t extent) {
        const int64_t low = range.step > 0 ? 0 : -1, high = range.step > 0 ? extent : extent - 1;
        const auto place = [&](int64_t at) { return std::clamp(at < 0 ? at + extent : at, low, high); };
        std::vector<int64_t> list;
        for (int64_t i = place(range.start); range.step > 0 ? i < place(range.end) : i > place(range.end); i += range.step) {
          list.push_back(i);
        }
        return list;
      };
      const std::vector<int64_t> rows = indices(a, 5), columns = indices(c, 6);
      ASSERT_EQ(y.shape(), (Shape{static_cast<int64_t>(rows.size()), 4, static_cast<int64_t>(columns.size())}));
      int64_t i = 0;
      for (const int64_t row : rows) {
        for (int64_t k = 0; k < 4; ++k) {
          for (const int64_t column : columns) EXPECT_EQ(y.data<T>()[i++], Element<T>(x, {row, k, column}));
        }
      }
    }
  }
  EXPECT_THAT(RunOne("Slice", {x, Ints({0, 0}), Ints({1, 1}), Ints({0, -3})}), HasReason("BAD_ATTRIBUTE"));
}

TYPED_TEST(MovementTest, TileAndExpandRepeat) {
  using T = TypeParam;
  const Tensor x = RandomWhole<T>({2, 1, 3}, 1);
  ASSERT_OK_AND_ASSIGN(const Tensor tiled, RunOne("Tile", {x, Ints({2, 3, 2})}));
  ASSERT_EQ(tiled.shape(), (Shape{4, 3, 6}));
  ASSERT_OK_AND_ASSIGN(const Tensor expanded, RunOne("Expand", {x, Ints({5, 2, 4, 1})}));
  ASSERT_EQ(expanded.shape(), (Shape{5, 2, 4, 3}));
  Positions at(tiled.shape());
  for (int64_t i = 0; i < tiled.size(); ++i, at.Next()) {
    EXPECT_EQ(tiled.data<T>()[i], Element<T>(x, {at.at()[0] % 2, 0, at.at()[2] % 3}));
  }
  Positions to(expanded.shape());
  for (int64_t i = 0; i < expanded.size(); ++i, to.Next()) {
    EXPECT_EQ(expanded.data<T>()[i], Element<T>(x, {to.at()[1], 0, to.at()[3]}));
  }
  EXPECT_EQ(RunOne("Tile", {x, Ints({2, 0, 2})}).value().shape(), (Shape{4, 0, 6}));
}

TEST(TileTest, WhatCannotBeRepeatedIsRefused) {
  const Tensor x = Floats({2}, {1, 2});
  EXPECT_THAT(RunOne("Tile", {x, Ints({1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Tile", {x, Ints({-1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Tile", {x, Ints({int64_t{1} << 62})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Tile", {x, Ints({int64_t{1} << 40})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(ValuesOf(RunOne("Tile", {Floats({}, {3}), Ints({})}).value()), ElementsAre(3));
}

// NumPy: np.pad([[1, 2, 3], [4, 5, 6]], ((1, 2), (2, 1)), mode)
TYPED_TEST(MovementTest, PadSurroundsAsNumPyDoes) {
  using T = TypeParam;
  const Tensor x = Tensor::Of<T>({2, 3}, {T(1), T(2), T(3), T(4), T(5), T(6)});
  const auto pad = [&](const char* mode) {
    return ValuesOf<T>(RunOne("Pad", {x, Ints({1, 2, 2, 1})}, {{"mode", std::string(mode)}}, 19).value());
  };
  const auto of = [](std::initializer_list<int> list) {
    std::vector<T> values;
    for (const int value : list) values.push_back(static_cast<T>(value));
    return values;
  };
  EXPECT_EQ(pad("reflect"), of({6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5}));
  EXPECT_EQ(pad("edge"), of({1, 1, 1, 2, 3, 3, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6, 4, 4, 4, 5, 6, 6, 4, 4, 4, 5, 6, 6}));
  EXPECT_EQ(pad("wrap"), of({5, 6, 4, 5, 6, 4, 2, 3, 1, 2, 3, 1, 5, 6, 4, 5, 6, 4, 2, 3, 1, 2, 3, 1, 5, 6, 4, 5, 6, 4}));
  EXPECT_EQ(pad("constant"), of({0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  const Tensor value = Tensor::Scalar<T>(T(1));
  ASSERT_OK_AND_ASSIGN(const Tensor one_axis, RunOne("Pad", {x, Ints({1, 0}), value, Ints({-1})}, {}, 18));
  EXPECT_EQ(ValuesOf<T>(one_axis), of({1, 1, 2, 3, 1, 4, 5, 6}));
}

TEST(PadTest, CutsOffWhereThePaddingIsNegative) {
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Pad", {x, Ints({-1, 1, 0, -2}), Floats({}, {9})}));
  EXPECT_EQ(y.shape(), (Shape{1, 2}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(9, 4));
  ASSERT_OK_AND_ASSIGN(const Tensor edge, RunOne("Pad", {x, Ints({0, -1, 0, 2})}, {{"mode", std::string("edge")}}));
  EXPECT_THAT(ValuesOf(edge), ElementsAre(2, 3, 3, 3, 5, 6, 6, 6));
  ASSERT_OK_AND_ASSIGN(const Tensor old, RunOne("Pad", {x}, {{"pads", L({0, 1, 0, 0})}, {"value", 7.0f}}, 2));
  EXPECT_THAT(ValuesOf(old), ElementsAre(7, 1, 2, 3, 7, 4, 5, 6));
}

// Behind the padded axes whole rows are copied; a reflection may be longer than what it reflects.
TEST(PadTest, OuterAxesAreSurroundedByRows) {
  Tensor x(DataType::kInt32, {3, 2, 2});
  std::iota(x.mutable_data<int32_t>(), x.mutable_data<int32_t>() + 12, 0);
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Pad", {x, Ints({5, 0, 0, 4, 0, 0})}, {{"mode", std::string("reflect")}}));
  // np.pad([1, 2, 3], (5, 4), "reflect") = 2 1 2 3 2 1 2 3 2 1 2 3
  const int64_t rows[] = {1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2};
  for (int64_t i = 0; i < 12; ++i) {
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(y.data<int32_t>()[i * 4 + k], rows[i] * 4 + k);
  }
}

TEST(PadTest, WhatDoesNotFitIsRefused) {
  const Tensor x = Floats({1, 2}, {3, 4});
  const testing::Attributes reflect = {{"mode", std::string("reflect")}};
  EXPECT_THAT(RunOne("Pad", {x, Ints({1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, -3, 0, 0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, int64_t{1} << 62, 0, 0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, std::numeric_limits<int64_t>::min(), 0, 0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, 1, 0, 0}), Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, 0}), Tensor(), Ints({2})}, {}, 18), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, 0, 0, 0}), Tensor(), Ints({1, -1})}, {}, 18), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Pad", {x, Ints({0, 0})}, {{"mode", std::string("odd")}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Pad", {Tensor(DataType::kFloat, {0}), Ints({1, 0})}, reflect), HasReason("BAD_SHAPE"));
  EXPECT_EQ(RunOne("Pad", {Tensor(DataType::kFloat, {0}), Ints({1, 1})}).value().size(), 2);
}

TEST(SplitTest, PartsMustBeEvenBeforeOpset18) {
  const Tensor x = Floats({5}, {1, 2, 3, 4, 5});
  EXPECT_THAT(RunOp("Split", {x}, {}, 13, 2), HasReason("BAD_SHAPE"));
  ASSERT_OK_AND_ASSIGN(const auto parts, RunOp("Split", {x}, {{"num_outputs", int64_t{2}}}, 18, 2));
  EXPECT_THAT(ValuesOf(parts[0]), ElementsAre(1, 2, 3));
  EXPECT_THAT(ValuesOf(parts[1]), ElementsAre(4, 5));
  EXPECT_THAT(RunOp("Split", {x}, {{"num_outputs", int64_t{3}}}, 18, 2), HasReason("BAD_ATTRIBUTE"));
  ASSERT_OK_AND_ASSIGN(const auto old, RunOp("Split", {x}, {{"split", L({0, 5})}}, 11, 2));
  EXPECT_EQ(old[0].size(), 0);
}

TEST(ReverseSequenceTest, TurnsTheBeginOfEachSequence) {
  // Time runs down, a column is a sequence.
  const Tensor x = Floats({3, 2}, {1, 10, 2, 20, 3, 30});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("ReverseSequence", {x, Ints({3, 2})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(3, 20, 2, 10, 1, 30));
  const testing::Attributes rows = {{"batch_axis", int64_t{0}}, {"time_axis", int64_t{1}}};
  ASSERT_OK_AND_ASSIGN(const Tensor z, RunOne("ReverseSequence", {x, Ints({1, 2, 0})}, rows));
  EXPECT_THAT(ValuesOf(z), ElementsAre(1, 10, 20, 2, 3, 30));
  EXPECT_THAT(RunOne("ReverseSequence", {x, Ints({4, 0})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("ReverseSequence", {x, Ints({1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ReverseSequence", {Ints({1}), Ints({1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ReverseSequence", {x, Ints({1, 1})}, {{"batch_axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(TriluTest, KeepsOneSideOfADiagonal) {
  Tensor x(DataType::kInt16, {2, 3, 4});
  std::iota(x.mutable_data<int16_t>(), x.mutable_data<int16_t>() + x.size(), int16_t{1});
  for (const int64_t k : L({std::numeric_limits<int64_t>::min(), -4, -1, 0, 1, 3, 9, std::numeric_limits<int64_t>::max()})) {
    for (const int64_t upper : {0, 1}) {
      ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Trilu", {x, Tensor::Scalar(k)}, {{"upper", upper}}));
      for (int64_t i = 0; i < x.size(); ++i) {
        const int64_t offset = i % 4 - i / 4 % 3;
        const bool kept = upper != 0 ? offset >= k : offset <= k;
        EXPECT_EQ(y.data<int16_t>()[i], kept ? x.data<int16_t>()[i] : 0) << k;
      }
    }
  }
  EXPECT_EQ(RunOne("Trilu", {Tensor(DataType::kFloat, {2, 0})}).value().shape(), (Shape{2, 0}));
  EXPECT_THAT(RunOne("Trilu", {Ints({1})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
