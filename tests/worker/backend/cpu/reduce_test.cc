// Reductions along axes, running sums, and where the extremes stand.
#include <cmath>
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::Positions;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

using NumberTypes = ::testing::Types<float, double, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t,
                                     int64_t>;

const testing::Attributes kDrop = {{"keepdims", int64_t{0}}};

// The real number, or what remains of it in an integer.
template <typename T>
auto Near(double real) {
  const double value = std::is_integral_v<T> ? std::trunc(real) : real;
  return ::testing::Truly([value](T x) { return std::fabs(static_cast<double>(x) - value) <= 1e-5; });
}

TEST(ReduceTest, FoldsTheNamedAxes) {
  // [[1, 2, 3], [4, 5, 6]]
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto reduce = [&](const std::string& type, const std::vector<int64_t>& axes) {
    return ValuesOf(RunOne(type, {x}, {{"axes", axes}}).value());
  };
  EXPECT_THAT(reduce("ReduceSum", {0}), ElementsAre(5, 7, 9));
  EXPECT_THAT(reduce("ReduceSum", {-1}), ElementsAre(6, 15));
  EXPECT_THAT(reduce("ReduceMean", {0, 1}), ElementsAre(3.5f));
  EXPECT_THAT(reduce("ReduceMean", {}), ElementsAre(3.5f));
  EXPECT_THAT(reduce("ReduceMax", {1}), ElementsAre(3, 6));
  EXPECT_THAT(reduce("ReduceMin", {0}), ElementsAre(1, 2, 3));
  EXPECT_THAT(reduce("ReduceProd", {1}), ElementsAre(6, 120));
  EXPECT_THAT(reduce("ReduceL2", {0}), ElementsAre(::testing::FloatEq(std::sqrt(17.0f)),
                                                   ::testing::FloatEq(std::sqrt(29.0f)),
                                                   ::testing::FloatEq(std::sqrt(45.0f))));
}

TEST(ReduceTest, KeepsOrDropsItsAxes) {
  const Tensor x = RandomTensor({2, 3, 4}, 1);
  ASSERT_OK_AND_ASSIGN(const Tensor kept, RunOne("ReduceSum", {x, Ints({0, 2})}));
  EXPECT_EQ(kept.shape(), (Shape{1, 3, 1}));
  ASSERT_OK_AND_ASSIGN(const Tensor dropped,
                       RunOne("ReduceSum", {x, Ints({0, 2})}, {{"keepdims", int64_t{0}}}));
  EXPECT_EQ(dropped.shape(), Shape{3});
  for (int64_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < 24; ++i) sum += i / 4 % 3 == c ? x.data<float>()[i] : 0;
    EXPECT_NEAR(kept.data<float>()[c], sum, 1e-6);
    EXPECT_NEAR(dropped.data<float>()[c], sum, 1e-6);
  }
  ASSERT_OK_AND_ASSIGN(const Tensor same,
                       RunOne("ReduceSum", {x, Ints({})}, {{"noop_with_empty_axes", int64_t{1}}}));
  EXPECT_TRUE(IdenticalTensors(same, x));
}

template <typename T>
class TypedReduceTest : public ::testing::Test {};
TYPED_TEST_SUITE(TypedReduceTest, NumberTypes);

// [[1, 2], [3, 4], [0, 2]] along the first axis: (1, 3, 0) and (2, 4, 2).
TYPED_TEST(TypedReduceTest, EveryTypeIsReduced) {
  using T = TypeParam;
  const Tensor x = Tensor::Of<T>({3, 2}, {T(1), T(2), T(3), T(4), T(0), T(2)});
  const auto reduce = [&](const std::string& type) { return ValuesOf<T>(RunOne(type, {x, Ints({0})}, kDrop, 18).value()); };
  EXPECT_THAT(reduce("ReduceSum"), ElementsAre(T(4), T(8)));
  EXPECT_THAT(reduce("ReduceL1"), ElementsAre(T(4), T(8)));
  EXPECT_THAT(reduce("ReduceSumSquare"), ElementsAre(T(10), T(24)));
  EXPECT_THAT(reduce("ReduceProd"), ElementsAre(T(0), T(16)));
  EXPECT_THAT(reduce("ReduceMax"), ElementsAre(T(3), T(4)));
  EXPECT_THAT(reduce("ReduceMin"), ElementsAre(T(0), T(2)));
  // Integers are cut: 4 / 3 and 8 / 3, sqrt(10) and sqrt(24), log 4 and log 8, log(e + e^3 + 1) and log(2 e^2 + e^4).
  EXPECT_THAT(reduce("ReduceMean"), ElementsAre(Near<T>(4.0 / 3), Near<T>(8.0 / 3)));
  EXPECT_THAT(reduce("ReduceL2"), ElementsAre(Near<T>(std::sqrt(10.0)), Near<T>(std::sqrt(24.0))));
  EXPECT_THAT(reduce("ReduceLogSum"), ElementsAre(Near<T>(std::log(4.0)), Near<T>(std::log(8.0))));
  EXPECT_THAT(reduce("ReduceLogSumExp"),
              ElementsAre(Near<T>(std::log(std::exp(1.0) + std::exp(3.0) + 1)),
                          Near<T>(std::log(2 * std::exp(2.0) + std::exp(4.0)))));
  EXPECT_THAT(RunOne("ReduceSum", {x, Ints({2})}, {}, 18), HasReason("BAD_ATTRIBUTE"));
}

// Over nothing: the neutral element, and for a mean of floats 0 / 0.
TYPED_TEST(TypedReduceTest, NothingGivesTheNeutralElement) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  const Tensor x(DataTypeOf<T>::value, {2, 0});
  const auto reduce = [&](const std::string& type) { return ValuesOf<T>(RunOne(type, {x, Ints({1})}, kDrop, 18).value()); };
  EXPECT_THAT(reduce("ReduceSum"), ElementsAre(T(0), T(0)));
  EXPECT_THAT(reduce("ReduceProd"), ElementsAre(T(1), T(1)));
  const T least = Limits::has_infinity ? T(-Limits::infinity()) : Limits::lowest();
  const T most = Limits::has_infinity ? Limits::infinity() : Limits::max();
  EXPECT_THAT(reduce("ReduceMax"), ElementsAre(least, least));
  EXPECT_THAT(reduce("ReduceMin"), ElementsAre(most, most));
  if (Limits::has_infinity) {
    EXPECT_THAT(reduce("ReduceLogSumExp"), ElementsAre(least, least));
    EXPECT_TRUE(std::isnan(static_cast<double>(reduce("ReduceMean")[0])));
  }
  // The other way round there is nothing to make.
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("ReduceSum", {x, Ints({0})}, {}, 18));
  EXPECT_EQ(none.shape(), (Shape{1, 0}));
}

TEST(ReduceTest, IntegersWrapLikeTheirArithmetic) {
  constexpr int64_t kBig = int64_t{1} << 40;
  ASSERT_OK_AND_ASSIGN(const Tensor product, RunOne("ReduceProd", {Ints({kBig + 1, kBig})}));
  EXPECT_THAT(ValuesOf<int64_t>(product), ElementsAre(kBig));  // 2^80 + 2^40.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  ASSERT_OK_AND_ASSIGN(const Tensor exact, RunOne("ReduceMax", {Ints({kMost - 1, kMost, 5})}));
  EXPECT_THAT(ValuesOf<int64_t>(exact), ElementsAre(kMost));
}

TEST(ReduceTest, TruthValuesHaveExtremes) {
  const Tensor x = Tensor::Of<bool>({2, 2}, {false, true, false, false});
  EXPECT_THAT(ValuesOf<bool>(RunOne("ReduceMax", {x, Ints({1})}, {}, 20).value()), ElementsAre(true, false));
  EXPECT_THAT(ValuesOf<bool>(RunOne("ReduceMin", {x, Ints({1})}, {}, 20).value()), ElementsAre(false, false));
}

TEST(ReduceTest, LargeExponentsDoNotOverflow) {
  // NumPy: log(sum(exp([1.5, -2, 3]))) = 3.2069..., and 1000 more when each is 1000 more.
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("ReduceLogSumExp", {Floats({3}, {1001.5f, 998, 1003})}));
  EXPECT_NEAR(y.data<float>()[0], 1003.2069069, 1e-3);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(ValuesOf(RunOne("ReduceLogSumExp", {Floats({2}, {-infinity, -infinity})}).value()), ElementsAre(-infinity));
  EXPECT_THAT(ValuesOf(RunOne("ReduceLogSumExp", {Floats({2}, {0, infinity})}).value()), ElementsAre(infinity));
}

TEST(ReduceTest, EverySetOfAxesIsSummed) {
  const Tensor x = RandomTensor({3, 4, 2, 19}, 1);
  for (int set = 1; set < 16; ++set) {
    std::vector<int64_t> axes;
    Shape shape = x.shape();
    for (int64_t axis = 0; axis < 4; ++axis) {
      if ((set >> axis & 1) == 0) continue;
      axes.push_back(axis - 4 * (axis % 2));  // Every other one counted from the end.
      shape[static_cast<size_t>(axis)] = 1;
    }
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("ReduceSum", {x, Ints(axes)}));
    ASSERT_EQ(y.shape(), shape);
    std::vector<double> sums(static_cast<size_t>(y.size()), 0);
    Positions at(x.shape());
    for (int64_t i = 0; i < x.size(); ++i, at.Next()) {
      size_t to = 0;
      for (size_t axis = 0; axis < 4; ++axis) {
        to = to * static_cast<size_t>(shape[axis]) + (shape[axis] == 1 ? 0 : static_cast<size_t>(at.at()[axis]));
      }
      sums[to] += x.data<float>()[i];
    }
    for (size_t i = 0; i < sums.size(); ++i) EXPECT_NEAR(y.data<float>()[i], sums[i], 1e-5);
  }
}

TEST(ReduceTest, AScalarIsItsOwnSum) {
  EXPECT_THAT(ValuesOf(RunOne("ReduceSum", {Floats({}, {7})}).value()), ElementsAre(7));
  EXPECT_THAT(ValuesOf(RunOne("ReduceLogSum", {Floats({}, {1})}).value()), ElementsAre(0));
}

TEST(ArgMaxTest, NamesTheFirstOrTheLastOfTheBest) {
  const Tensor x = Floats({2, 3}, {1, 5, 5, 2, 0, 2});
  const auto run = [&](const std::string& type, int64_t axis, bool last) {
    return ValuesOf<int64_t>(
        RunOne(type, {x}, {{"axis", axis}, {"select_last_index", int64_t{last}}}).value());
  };
  EXPECT_THAT(run("ArgMax", 1, false), ElementsAre(1, 0));
  EXPECT_THAT(run("ArgMax", 1, true), ElementsAre(2, 2));
  EXPECT_THAT(run("ArgMax", 0, false), ElementsAre(1, 0, 0));
  EXPECT_THAT(run("ArgMin", -1, false), ElementsAre(0, 1));
  ASSERT_OK_AND_ASSIGN(const Tensor dropped,
                       RunOne("ArgMax", {x}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}));
  EXPECT_EQ(dropped.shape(), Shape{2});
}

TEST(ArgMaxTest, ANanIsTheExtremeAndIntegersAreExact) {
  const float nan = std::nanf("");
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("ArgMax", {Floats({4}, {9, nan, 1, nan})}).value()), ElementsAre(1));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("ArgMin", {Floats({3}, {9, 1, nan})}).value()), ElementsAre(2));
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("ArgMax", {Ints({kMost - 1, kMost})}).value()), ElementsAre(1));
  const Tensor bytes = Tensor::Of<uint8_t>({3}, {200, 100, 250});
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("ArgMin", {bytes}).value()), ElementsAre(1));
  EXPECT_THAT(RunOne("ArgMax", {Tensor(DataType::kFloat, {2, 0})}, {{"axis", int64_t{1}}}), HasReason("BAD_SHAPE"));
}

TEST(CumSumTest, RunsAlongItsAxis) {
  const Tensor x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto sums = [&](int64_t axis, bool exclusive, bool reverse) {
    return ValuesOf(RunOne("CumSum", {x, Tensor::Scalar(axis)},
                           {{"exclusive", int64_t{exclusive}}, {"reverse", int64_t{reverse}}}).value());
  };
  EXPECT_THAT(sums(0, false, false), ElementsAre(1, 2, 3, 5, 7, 9));
  EXPECT_THAT(sums(-1, false, false), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(sums(1, true, false), ElementsAre(0, 1, 3, 0, 4, 9));
  EXPECT_THAT(sums(1, false, true), ElementsAre(6, 5, 3, 15, 11, 6));
  EXPECT_THAT(sums(1, true, true), ElementsAre(5, 3, 0, 11, 6, 0));
  EXPECT_THAT(ValuesOf<int64_t>(RunOne("CumSum", {Ints({1, 2}), Tensor::Scalar<int32_t>(0)}).value()), ElementsAre(1, 3));
  EXPECT_THAT(RunOne("CumSum", {x, Tensor::Scalar<int64_t>(2)}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("CumSum", {x, Ints({0, 1})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
