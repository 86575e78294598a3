// Operators that choose elements, and those that make tensors out of a few numbers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using ::testing::IsEmpty;
using testing::RandomWhole;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;
using testing::VectorOf;

template <typename T>
class ChoiceTest : public ::testing::Test {};
using NumberTypes = ::testing::Types<float, double, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t,
                                     int64_t>;
TYPED_TEST_SUITE(ChoiceTest, NumberTypes);

// Few different values, so that there are ties: the first of them wins.
TYPED_TEST(ChoiceTest, TopKIsTheBeginOfAStableSort) {
  using T = TypeParam;
  const Tensor x = RandomWhole<T>({4, 30, 3}, 1, 9);
  for (const int64_t largest : {0, 1}) {
    for (const int64_t k : {0, 1, 7, 30}) {
      ASSERT_OK_AND_ASSIGN(const auto y, RunOp("TopK", {x, Ints({k})}, {{"axis", int64_t{1}}, {"largest", largest}}, 11, 2));
      ASSERT_EQ(y[0].shape(), (Shape{4, k, 3}));
      ASSERT_EQ(y[1].shape(), (Shape{4, k, 3}));
      for (int64_t line = 0; line < 12; ++line) {
        const int64_t outer = line / 3, inner = line % 3;
        std::vector<int64_t> order;
        for (int64_t i = 0; i < 30; ++i) order.push_back(i);
        const auto at = [&](int64_t i) { return x.data<T>()[(outer * 30 + i) * 3 + inner]; };
        std::stable_sort(order.begin(), order.end(),
                         [&](int64_t a, int64_t b) { return largest != 0 ? at(a) > at(b) : at(a) < at(b); });
        for (int64_t i = 0; i < k; ++i) {
          EXPECT_EQ(y[1].data<int64_t>()[(outer * k + i) * 3 + inner], order[static_cast<size_t>(i)]);
          EXPECT_EQ(y[0].data<T>()[(outer * k + i) * 3 + inner], at(order[static_cast<size_t>(i)]));
        }
      }
    }
  }
}

// NumPy: np.unique([2, 1, 1, 3, 4, 3], return_index=True, return_inverse=True, return_counts=True)
TYPED_TEST(ChoiceTest, UniqueListsEachValueOnce) {
  using T = TypeParam;
  const Tensor x = Tensor::Of<T>({2, 3}, {2, 1, 1, 3, 4, 3});
  ASSERT_OK_AND_ASSIGN(const auto sorted, RunOp("Unique", {x}, {}, 11, 4));
  EXPECT_THAT(ValuesOf<T>(sorted[0]), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(sorted[1]), ElementsAre(1, 0, 3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(sorted[2]), ElementsAre(1, 0, 0, 2, 3, 2));
  EXPECT_THAT(ValuesOf<int64_t>(sorted[3]), ElementsAre(2, 1, 2, 1));
  ASSERT_OK_AND_ASSIGN(const auto first, RunOp("Unique", {x}, {{"sorted", int64_t{0}}}, 11, 4));
  EXPECT_THAT(ValuesOf<T>(first[0]), ElementsAre(2, 1, 3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(first[1]), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(ValuesOf<int64_t>(first[2]), ElementsAre(0, 1, 1, 2, 3, 2));
  EXPECT_THAT(ValuesOf<int64_t>(first[3]), ElementsAre(1, 2, 2, 1));
}

TYPED_TEST(ChoiceTest, NonZeroTellsPositions) {
  using T = TypeParam;
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("NonZero", {Tensor::Of<T>({2, 3}, {1, 0, 0, 0, 5, 7})}));
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  EXPECT_THAT(ValuesOf<int64_t>(y), ElementsAre(0, 1, 1, 0, 1, 2));
  EXPECT_EQ(RunOne("NonZero", {Tensor(DataTypeOf<T>::value, {2, 0})}).value().shape(), (Shape{2, 0}));
  EXPECT_EQ(RunOne("NonZero", {Tensor::Scalar<T>(3)}).value().shape(), (Shape{0, 1}));
}

TEST(TopKTest, ANanIsTheLargest) {
  const float nan = std::nanf("");
  ASSERT_OK_AND_ASSIGN(const auto y, RunOp("TopK", {Floats({4}, {1, nan, 9, nan}), Ints({3})}, {}, 11, 2));
  EXPECT_THAT(ValuesOf<int64_t>(y[1]), ElementsAre(1, 3, 2));
  ASSERT_OK_AND_ASSIGN(const auto old, RunOp("TopK", {Floats({3}, {1, 3, 2})}, {{"k", int64_t{2}}}, 9, 2));
  EXPECT_THAT(ValuesOf(old[0]), ElementsAre(3, 2));
  EXPECT_THAT(RunOne("TopK", {Floats({1}, {1}), Ints({2})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("TopK", {Floats({1}, {1}), Ints({-1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("TopK", {Floats({1}, {1}), Ints({1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("TopK", {Floats({1}, {1})}, {}, 9), HasReason("BAD_ATTRIBUTE"));
}

// NumPy: np.unique([[1, 0, 1, 0], [2, 3, 2, 1]], axis=1, ...)
TEST(UniqueTest, ComparesWholeSlices) {
  const Tensor x = Floats({2, 4}, {1, 0, 1, 0, 2, 3, 2, 1});
  ASSERT_OK_AND_ASSIGN(const auto y, RunOp("Unique", {x}, {{"axis", int64_t{-1}}}, 11, 4));
  EXPECT_EQ(y[0].shape(), (Shape{2, 3}));
  EXPECT_THAT(ValuesOf(y[0]), ElementsAre(0, 0, 1, 1, 3, 2));
  EXPECT_THAT(ValuesOf<int64_t>(y[1]), ElementsAre(3, 1, 0));
  EXPECT_THAT(ValuesOf<int64_t>(y[2]), ElementsAre(2, 1, 2, 0));
  EXPECT_THAT(ValuesOf<int64_t>(y[3]), ElementsAre(1, 1, 2));
  const float nan = std::nanf("");
  ASSERT_OK_AND_ASSIGN(const auto nans, RunOp("Unique", {Floats({4}, {nan, 1, nan, 0})}, {}, 11, 4));
  EXPECT_THAT(ValuesOf<int64_t>(nans[3]), ElementsAre(1, 1, 2));
  ASSERT_OK_AND_ASSIGN(const auto none, RunOp("Unique", {Tensor(DataType::kFloat, {0, 2})}, {{"axis", int64_t{0}}}, 11, 1));
  EXPECT_EQ(none[0].shape(), (Shape{0, 2}));
  EXPECT_THAT(RunOne("Unique", {x}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  // More empty slices than could be numbered.
  EXPECT_THAT(RunOne("Unique", {Tensor(DataType::kFloat, {int64_t{1} << 32, 0})}, {{"axis", int64_t{0}}}),
              HasReason("BAD_SHAPE"));
}

TEST(CompressTest, KeepsWhatIsTrue) {
  const Tensor x = Floats({3, 2}, {1, 2, 3, 4, 5, 6});
  const auto compress = [&](const std::vector<bool>& condition, testing::Attributes attributes) {
    return RunOne("Compress", {x, VectorOf<bool>(condition)}, std::move(attributes));
  };
  EXPECT_THAT(ValuesOf(compress({false, true, true}, {{"axis", int64_t{0}}}).value()), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(ValuesOf(compress({false, true}, {{"axis", int64_t{-1}}}).value()), ElementsAre(2, 4, 6));
  EXPECT_THAT(ValuesOf(compress({false, true, false, false, true}, {}).value()), ElementsAre(2, 5));
  EXPECT_THAT(ValuesOf(compress({}, {}).value()), IsEmpty());
  EXPECT_THAT(compress({false, false, true}, {{"axis", int64_t{1}}}), HasReason("BAD_INDEX"));
  EXPECT_THAT(compress({true}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Compress", {x, Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(OneHotTest, IsOnAtItsIndex) {
  const Tensor values = VectorOf<int16_t>({-1, 5});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("OneHot", {Ints({0, -1, 7}), Tensor::Scalar<int64_t>(3), values}));
  EXPECT_EQ(y.shape(), (Shape{3, 3}));
  EXPECT_THAT(ValuesOf<int16_t>(y), ElementsAre(5, -1, -1, -1, -1, 5, -1, -1, -1));
  const testing::Attributes first = {{"axis", int64_t{0}}};
  ASSERT_OK_AND_ASSIGN(const Tensor columns,
                       RunOne("OneHot", {Floats({2}, {1, 0}), Floats({1}, {3}), Floats({2}, {0, 1})}, first));
  EXPECT_EQ(columns.shape(), (Shape{3, 2}));
  EXPECT_THAT(ValuesOf(columns), ElementsAre(0, 1, 1, 0, 0, 0));
  EXPECT_THAT(RunOne("OneHot", {Ints({0}), Ints({-1}), values}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("OneHot", {Ints({0}), Ints({1, 2}), values}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("OneHot", {Ints({0}), Ints({int64_t{1} << 40}), values}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("OneHot", {Ints({0}), Ints({2}), Floats({1}, {1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("OneHot", {Ints({0}), Ints({2}), values}, {{"axis", int64_t{2}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(EyeLikeTest, HasOnesOnADiagonal) {
  const Tensor x(DataType::kInt32, {2, 3});
  const auto eye = [&](int64_t k) { return ValuesOf<int32_t>(RunOne("EyeLike", {x}, {{"k", k}}).value()); };
  EXPECT_THAT(eye(0), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_THAT(eye(2), ElementsAre(0, 0, 1, 0, 0, 0));
  EXPECT_THAT(eye(-1), ElementsAre(0, 0, 0, 1, 0, 0));
  for (const int64_t far : {int64_t{3}, int64_t{-2}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    EXPECT_THAT(eye(far), ElementsAre(0, 0, 0, 0, 0, 0));
  }
  ASSERT_OK_AND_ASSIGN(const Tensor truth, RunOne("EyeLike", {x}, {{"dtype", int64_t{9}}}));
  EXPECT_THAT(ValuesOf<bool>(truth), ElementsAre(true, false, false, false, true, false));
  ASSERT_OK_AND_ASSIGN(const Tensor half, RunOne("EyeLike", {x}, {{"dtype", int64_t{10}}}));
  EXPECT_EQ(static_cast<const uint16_t*>(half.raw())[4], 0x3c00);
  EXPECT_THAT(RunOne("EyeLike", {Ints({1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("EyeLike", {x}, {{"dtype", int64_t{8}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(RangeTest, CountsInEveryType) {
  const auto range = [](auto start, auto limit, auto step) {
    return RunOne("Range", {Tensor::Scalar(start), Tensor::Scalar(limit), Tensor::Scalar(step)});
  };
  EXPECT_THAT(ValuesOf(range(1.0f, 2.0f, 0.25f).value()), ElementsAre(1, 1.25f, 1.5f, 1.75f));
  EXPECT_THAT(ValuesOf(range(1.0f, 0.0f, 0.25f).value()), IsEmpty());
  EXPECT_THAT(ValuesOf<double>(range(3.0, 0.5, -1.0).value()), ElementsAre(3, 2, 1));
  EXPECT_THAT(ValuesOf<int16_t>(range(int16_t{5}, int16_t{-5}, int16_t{-4}).value()), ElementsAre(5, 1, -3));
  EXPECT_THAT(ValuesOf<int32_t>(range(int32_t{10}, int32_t{6}, int32_t{-3}).value()), ElementsAre(10, 7));
  EXPECT_THAT(range(0.0f, std::numeric_limits<float>::infinity(), 1.0f), HasReason("BAD_SHAPE"));
  EXPECT_THAT(range(0.0f, std::nanf(""), 1.0f), HasReason("BAD_SHAPE"));
  EXPECT_THAT(range(0.0f, 1.0f, 1e-30f), HasReason("BAD_SHAPE"));
  EXPECT_THAT(range(0.0f, 1.0f, int32_t{1}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(ConstantTest, IsItsAttribute) {
  EXPECT_THAT(ValuesOf(RunOne("Constant", {}, {{"value_floats", std::vector<float>{1, 2}}}).value()), ElementsAre(1, 2));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("Constant", {}, {{"value_int", int64_t{7}}}).value()), ElementsAre(7));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("Constant", {}, {{"value", Ints({3, 4})}}).value()), ElementsAre(3, 4));
  EXPECT_THAT(RunOne("Constant", {}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Constant", {}, {{"value_int", 7.0f}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Constant", {}, {{"value_string", std::string("a")}}), HasReason("BAD_ATTRIBUTE"));
}

}  // namespace
}  // namespace quantd
