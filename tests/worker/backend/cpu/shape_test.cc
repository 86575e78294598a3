// Operators that move elements: each result can be read off the input.
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using ::testing::IsEmpty;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;

// 0, 1, 2, ...
Tensor Counting(const Shape& shape) {
  Tensor tensor(DataType::kFloat, shape);
  std::iota(tensor.mutable_data<float>(), tensor.mutable_data<float>() + tensor.size(), 0.0f);
  return tensor;
}

std::vector<int64_t> L(std::initializer_list<int64_t> values) { return values; }

TEST(ShapeTest, TellsTheExtents) {
  const Tensor x = Counting({2, 3, 4});
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("Shape", {x}).value()), ElementsAre(2, 3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("Shape", {x}, {{"start", int64_t{1}}}).value()),
              ElementsAre(3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(
                  RunOne("Shape", {x}, {{"start", int64_t{-9}}, {"end", int64_t{-1}}}).value()),
              ElementsAre(2, 3));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("Size", {x}).value()), ElementsAre(24));
}

TEST(ReshapeTest, FillsInWhatIsLeftOpen) {
  const Tensor x = Counting({2, 3, 4});
  const auto reshaped = [&](const std::vector<int64_t>& shape) {
    return RunOne("Reshape", {x, Ints(shape)}).value().shape();
  };
  EXPECT_EQ(reshaped({6, 4}), (Shape{6, 4}));
  EXPECT_EQ(reshaped({-1}), (Shape{24}));
  EXPECT_EQ(reshaped({0, -1}), (Shape{2, 12}));
  EXPECT_EQ(reshaped({4, 0, -1}), (Shape{4, 3, 2}));
  for (const auto& bad : {L({5, 5}), L({-1, -1}), L({7, -1}), L({0, 0, 0, 0}), L({-2, 12}),
                          L({int64_t{1} << 62, 4})}) {
    EXPECT_THAT(RunOne("Reshape", {x, Ints(bad)}), HasReason("BAD_SHAPE"));
  }
  EXPECT_EQ(RunOne("Reshape", {Counting({0, 3}), Ints({3, 0})}, {{"allowzero", int64_t{1}}})
                .value()
                .shape(),
            (Shape{3, 0}));
}

TEST(ShapeTest, AxesAreJoinedDroppedAndAdded) {
  const Tensor x = Counting({2, 1, 3, 1});
  EXPECT_EQ(RunOne("Flatten", {x}).value().shape(), (Shape{2, 3}));
  EXPECT_EQ(RunOne("Flatten", {x}, {{"axis", int64_t{0}}}).value().shape(), (Shape{1, 6}));
  EXPECT_EQ(RunOne("Flatten", {x}, {{"axis", int64_t{-1}}}).value().shape(), (Shape{6, 1}));
  EXPECT_EQ(RunOne("Squeeze", {x}).value().shape(), (Shape{2, 3}));
  EXPECT_EQ(RunOne("Squeeze", {x, Ints({-1})}).value().shape(), (Shape{2, 1, 3}));
  EXPECT_EQ(RunOne("Squeeze", {x}, {{"axes", L({1})}}, 11).value().shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(RunOne("Unsqueeze", {x, Ints({0, -1})}).value().shape(), (Shape{1, 2, 1, 3, 1, 1}));
  EXPECT_THAT(RunOne("Squeeze", {x, Ints({0})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Unsqueeze", {x, Ints({1, 1})}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Flatten", {x}, {{"axis", int64_t{5}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(TransposeTest, ElementsFollowTheirCoordinates) {
  const Tensor x = Counting({2, 3, 4});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Transpose", {x}, {{"perm", L({2, 0, 1})}}));
  ASSERT_EQ(y.shape(), (Shape{4, 2, 3}));
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      for (int64_t k = 0; k < 4; ++k) {
        EXPECT_EQ(y.data<float>()[(k * 2 + i) * 3 + j], x.data<float>()[(i * 3 + j) * 4 + k]);
      }
    }
  }
  EXPECT_EQ(RunOne("Transpose", {x}).value().shape(), (Shape{4, 3, 2}));
  ASSERT_OK_AND_ASSIGN(const Tensor wide,
                       RunOne("Transpose", {Tensor::Of<int64_t>({2, 2}, {1, 2, 3, 4})}));
  EXPECT_THAT(ValuesOf<int64_t>(wide), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(RunOne("Transpose", {x}, {{"perm", L({0, 0, 1})}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Transpose", {x}, {{"perm", L({0, 1})}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(ExpandTest, RepeatsAlongAxesOfOne) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Expand", {Floats({2, 1}, {7, 8}), Ints({2, 3})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(7, 7, 7, 8, 8, 8));
  EXPECT_EQ(RunOne("Expand", {Counting({3, 1}), Ints({1, 2, 1, 4})}).value().shape(),
            (Shape{1, 2, 3, 4}));
  EXPECT_EQ(RunOne("Expand", {Floats({}, {1}), Ints({0})}).value().size(), 0);
  EXPECT_THAT(RunOne("Expand", {Counting({3}), Ints({2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Expand", {Counting({1}), Ints({int64_t{1} << 40})}), HasReason("BAD_SHAPE"));
}

// One axis of 0..9.
std::vector<float> Sliced(int64_t start, int64_t end, int64_t step) {
  return ValuesOf(
      RunOne("Slice", {Counting({10}), Ints({start}), Ints({end}), Ints({0}), Ints({step})})
          .value());
}

TEST(SliceTest, CutsLikePython) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(Sliced(2, 5, 1), ElementsAre(2, 3, 4));
  EXPECT_THAT(Sliced(-3, kMost, 1), ElementsAre(7, 8, 9));
  EXPECT_THAT(Sliced(0, -7, 1), ElementsAre(0, 1, 2));
  EXPECT_THAT(Sliced(1, 9, 3), ElementsAre(1, 4, 7));
  EXPECT_THAT(Sliced(5, 2, 1), IsEmpty());
  EXPECT_THAT(Sliced(kLeast, 2, 1), ElementsAre(0, 1));
  EXPECT_THAT(Sliced(20, 30, 1), IsEmpty());
  EXPECT_THAT(Sliced(2, kLeast, -1), ElementsAre(2, 1, 0));
  EXPECT_THAT(Sliced(kMost, 6, -1), ElementsAre(9, 8, 7));
  EXPECT_THAT(Sliced(9, 0, -4), ElementsAre(9, 5, 1));
  EXPECT_THAT(Sliced(0, kMost, kMost), ElementsAre(0));
}

TEST(SliceTest, CutsSeveralAxes) {
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("Slice", {Counting({3, 4}), Ints({1, -1}), Ints({3, 0}), Ints({0, 1}),
                                        Ints({1, -2})}));
  EXPECT_EQ(y.shape(), (Shape{2, 2}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(7, 5, 11, 9));
  ASSERT_OK_AND_ASSIGN(const Tensor old, RunOne("Slice", {Counting({3, 4})},
                                                {{"starts", L({1})}, {"ends", L({2})}}, 9));
  EXPECT_THAT(ValuesOf(old), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(RunOne("Slice", {Counting({3}), Ints({0}), Ints({1}), Ints({0}), Ints({0})}),
              HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Slice", {Counting({3}), Ints({0}), Ints({1, 2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Slice", {Counting({3}), Ints({0}), Ints({1}), Ints({1})}),
              HasReason("BAD_ATTRIBUTE"));
}

TEST(ConstantOfShapeTest, RepeatsItsValue) {
  EXPECT_THAT(ValuesOf(RunOne("ConstantOfShape", {Ints({2})}).value()), ElementsAre(0, 0));
  ASSERT_OK_AND_ASSIGN(const Tensor sevens,
                       RunOne("ConstantOfShape", {Ints({1, 3})}, {{"value", Ints({7})}}));
  EXPECT_EQ(sevens.shape(), (Shape{1, 3}));
  EXPECT_THAT(ValuesOf<int64_t>(sevens), ElementsAre(7, 7, 7));
  EXPECT_THAT(RunOne("ConstantOfShape", {Ints({-1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ConstantOfShape", {Ints({int64_t{1} << 62, 8})}), HasReason("BAD_SHAPE"));
}

TEST(GatherTest, TakesTheNamedEntries) {
  const Tensor x = Counting({3, 2});
  EXPECT_THAT(ValuesOf(RunOne("Gather", {x, Ints({2, -3})}).value()), ElementsAre(4, 5, 0, 1));
  ASSERT_OK_AND_ASSIGN(const Tensor columns,
                       RunOne("Gather", {x, Tensor::Scalar<int64_t>(1)}, {{"axis", int64_t{1}}}));
  EXPECT_EQ(columns.shape(), Shape{3});
  EXPECT_THAT(ValuesOf(columns), ElementsAre(1, 3, 5));
  EXPECT_THAT(RunOne("Gather", {x, Ints({3})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("Gather", {x, Ints({-4})}), HasReason("BAD_INDEX"));
  EXPECT_THAT(RunOne("Gather", {x, Floats({1}, {0})}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(ConcatTest, JoinsAlongItsAxis) {
  const Tensor a = Counting({2, 2}), b = Floats({2, 1}, {8, 9});
  EXPECT_THAT(ValuesOf(RunOne("Concat", {a, b}, {{"axis", int64_t{1}}}).value()),
              ElementsAre(0, 1, 8, 2, 3, 9));
  EXPECT_THAT(
      ValuesOf(RunOne("Concat", {a, a, Tensor(DataType::kFloat, {0, 2})}, {{"axis", int64_t{-2}}})
                   .value()),
      ElementsAre(0, 1, 2, 3, 0, 1, 2, 3));
  EXPECT_THAT(RunOne("Concat", {a, b}, {{"axis", int64_t{0}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Concat", {a, Ints({1, 2})}, {{"axis", int64_t{0}}}), HasReason("BAD_SHAPE"));
}

TEST(SplitTest, IsTheReverseOfConcat) {
  const Tensor x = Counting({2, 5});
  ASSERT_OK_AND_ASSIGN(const auto parts,
                       RunOp("Split", {x, Ints({1, 4})}, {{"axis", int64_t{1}}}, 17, 2));
  EXPECT_THAT(ValuesOf(parts[0]), ElementsAre(0, 5));
  EXPECT_THAT(ValuesOf(parts[1]), ElementsAre(1, 2, 3, 4, 6, 7, 8, 9));
  ASSERT_OK_AND_ASSIGN(const auto even, RunOp("Split", {x}, {}, 17, 2));
  EXPECT_THAT(ValuesOf(even[1]), ElementsAre(5, 6, 7, 8, 9));
  ASSERT_OK_AND_ASSIGN(const auto rest, RunOp("Split", {x}, {{"axis", int64_t{1}}}, 18, 2));
  EXPECT_EQ(rest[0].shape(), (Shape{2, 3}));
  EXPECT_EQ(rest[1].shape(), (Shape{2, 2}));
  EXPECT_THAT(RunOp("Split", {x, Ints({3, 3})}, {{"axis", int64_t{1}}}, 17, 2),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOp("Split", {x, Ints({6, -1})}, {{"axis", int64_t{1}}}, 17, 2),
              HasReason("BAD_SHAPE"));
}

TEST(RangeTest, CountsFromStartToLimit) {
  const auto range = [](int64_t start, int64_t limit, int64_t step) {
    return RunOne("Range", {Tensor::Scalar(start), Tensor::Scalar(limit), Tensor::Scalar(step)});
  };
  EXPECT_THAT(ValuesOf<int64_t>(range(2, 9, 3).value()), ElementsAre(2, 5, 8));
  EXPECT_THAT(ValuesOf<int64_t>(range(3, 0, -2).value()), ElementsAre(3, 1));
  EXPECT_THAT(ValuesOf<int64_t>(range(3, 3, 1).value()), IsEmpty());
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(range(-kMost, kMost, 1), HasReason("BAD_SHAPE"));
  EXPECT_THAT(range(0, 1, 0), HasReason("BAD_ATTRIBUTE"));
}

}  // namespace
}  // namespace quantd
