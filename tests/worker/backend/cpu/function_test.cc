// Functions of one number: floats against the C library in double precision, integers by their definition.
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "tests/worker/backend/cpu/typed_tensors.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::Corners;
using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;
using testing::VectorOf;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct FunctionCase {
  std::string type;
  std::function<double(double)> expected;
  double low = -6, high = 6;  // Of the inputs.
  Attributes attributes = {};
};

class FunctionTest : public ::testing::TestWithParam<FunctionCase> {};

TEST_P(FunctionTest, IsWhatTheCLibraryComputes) {
  const FunctionCase& c = GetParam();
  Tensor x = RandomTensor({3, 50}, 7);
  for (int64_t i = 0; i < x.size(); ++i) {
    float& value = x.mutable_data<float>()[i];
    value = static_cast<float>(c.low + (value + 1) / 2 * (c.high - c.low));
  }
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne(c.type, {x}, c.attributes, 20));
  ASSERT_EQ(y.shape(), x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    const double expected = c.expected(x.data<float>()[i]);
    EXPECT_NEAR(y.data<float>()[i], expected, 3e-6 * std::fmax(1, std::fabs(expected))) << x.data<float>()[i];
  }
  // Nothing comes of nothing.
  ASSERT_OK_AND_ASSIGN(const Tensor empty, RunOne(c.type, {Tensor(DataType::kFloat, {0, 2})}, c.attributes, 20));
  EXPECT_EQ(empty.shape(), (Shape{0, 2}));
}

double Softplus(double x) { return std::log1p(std::exp(x)); }

INSTANTIATE_TEST_SUITE_P(
    All, FunctionTest,
    ::testing::Values(
        FunctionCase{"Acos", [](double x) { return std::acos(x); }, -1, 1},
        FunctionCase{"Acosh", [](double x) { return std::acosh(x); }, 1, 9},
        FunctionCase{"Asin", [](double x) { return std::asin(x); }, -1, 1},
        FunctionCase{"Asinh", [](double x) { return std::asinh(x); }},
        FunctionCase{"Atan", [](double x) { return std::atan(x); }},
        FunctionCase{"Atanh", [](double x) { return std::atanh(x); }, -0.9, 0.9},
        FunctionCase{"Cosh", [](double x) { return std::cosh(x); }},
        FunctionCase{"Sinh", [](double x) { return std::sinh(x); }},
        FunctionCase{"Tan", [](double x) { return std::tan(x); }, -1.4, 1.4},
        FunctionCase{"Sign", [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }},
        FunctionCase{"Softplus", &Softplus, -30, 30},
        FunctionCase{"Softsign", [](double x) { return x / (1 + std::fabs(x)); }},
        FunctionCase{"Mish", [](double x) { return x * std::tanh(Softplus(x)); }, -30, 30},
        FunctionCase{"ThresholdedRelu", [](double x) { return x > 1.5 ? x : 0; }, -6, 6, {{"alpha", 1.5f}}},
        FunctionCase{"Celu",
                     [](double x) { return std::fmax(0, x) + std::fmin(0, 2 * (std::exp(x / 2) - 1)); },
                     -6, 6, {{"alpha", 2.0f}}},
        FunctionCase{"Selu", [](double x) { return 3 * (x > 0 ? x : 2 * (std::exp(x) - 1)); }, -6, 6,
                     {{"alpha", 2.0f}, {"gamma", 3.0f}}},
        FunctionCase{"Shrink", [](double x) { return x < -1.5 ? x + 0.5 : x > 1.5 ? x - 0.5 : 0; }, -6, 6,
                     {{"lambd", 1.5f}, {"bias", 0.5f}}}),
    [](const auto& info) { return info.param.type; });

TEST(FunctionTest, BadAttributesAreRefused) {
  const Tensor x = Floats({1}, {1});
  EXPECT_THAT(RunOne("Celu", {x}, {{"alpha", 0.0f}}), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Gelu", {x}, {{"approximate", std::string("sin")}}, 20), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(RunOne("Acos", {Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("Acos", {Tensor()}), HasReason("MISSING_INPUT"));
}

TEST(FunctionTest, SpecialValuesAreTold) {
  const float nan = std::nanf("");
  const Tensor x = Floats({4}, {-kInfinity, nan, 1, kInfinity});
  const auto infinite = [&](Attributes attributes) {
    return ValuesOf<bool>(RunOne("IsInf", {x}, std::move(attributes)).value());
  };
  EXPECT_THAT(infinite({}), ElementsAre(true, false, false, true));
  EXPECT_THAT(infinite({{"detect_positive", int64_t{0}}}), ElementsAre(true, false, false, false));
  EXPECT_THAT(infinite({{"detect_negative", int64_t{0}}}), ElementsAre(false, false, false, true));
  EXPECT_THAT(ValuesOf<bool>(RunOne("IsNaN", {x}).value()), ElementsAre(false, true, false, false));
  const Tensor wide = Tensor::Of<double>({2}, {1e308 * 10, 1e300});
  EXPECT_THAT(ValuesOf<bool>(RunOne("IsInf", {wide}).value()), ElementsAre(true, false));
  EXPECT_TRUE(std::isnan(RunOne("Sign", {Floats({1}, {nan})}).value().data<float>()[0]));
}

template <typename T>
class IntegerFunctionTest : public ::testing::Test {};
TYPED_TEST_SUITE(IntegerFunctionTest, testing::IntegerTypes);

TYPED_TEST(IntegerFunctionTest, FollowsTheDefinition) {
  using T = TypeParam;
  const std::vector<T> corners = Corners<T>();
  const Tensor x = VectorOf(corners);
  ASSERT_OK_AND_ASSIGN(const Tensor absolute, RunOne("Abs", {x}));
  ASSERT_OK_AND_ASSIGN(const Tensor sign, RunOne("Sign", {x}));
  ASSERT_OK_AND_ASSIGN(const Tensor flipped, RunOne("BitwiseNot", {x}, {}, 18));
  for (size_t i = 0; i < corners.size(); ++i) {
    const T v = corners[i];
    EXPECT_EQ(sign.data<T>()[i], v > 0 ? T(1) : v < 0 ? T(-1) : T(0));
    EXPECT_EQ(flipped.data<T>()[i], static_cast<T>(-static_cast<__int128>(v) - 1));
    if (v == std::numeric_limits<T>::min()) continue;  // Of a signed type it has no positive counterpart: below.
    EXPECT_EQ(absolute.data<T>()[i], v < 0 ? T(-v) : v);
  }
  EXPECT_EQ(absolute.data<T>()[0], corners[0]);
  // Clip keeps what lies between its bounds.
  ASSERT_OK_AND_ASSIGN(const Tensor clipped, RunOne("Clip", {x, Tensor::Scalar<T>(2), Tensor::Scalar<T>(5)}));
  for (size_t i = 0; i < corners.size(); ++i) {
    EXPECT_EQ(clipped.data<T>()[i], std::min<T>(std::max<T>(corners[i], 2), 5));
  }
  EXPECT_THAT(RunOne("Clip", {x, Floats({}, {1})}), HasReason("UNSUPPORTED_TYPE"));
  // Shrink with lambd 1.5 and bias 1: 2 becomes 1, 1 becomes 0.
  ASSERT_OK_AND_ASSIGN(const Tensor shrunk, RunOne("Shrink", {VectorOf<T>({0, 1, 2, 7})},
                                                   {{"lambd", 1.5f}, {"bias", 1.0f}}));
  EXPECT_THAT(ValuesOf<T>(shrunk), ElementsAre(0, 0, 1, 6));
}

template <typename T>
class SignedFunctionTest : public ::testing::Test {};
TYPED_TEST_SUITE(SignedFunctionTest, testing::SignedTypes);

TYPED_TEST(SignedFunctionTest, HasNegativeNumbers) {
  using T = TypeParam;
  constexpr T kLeast = std::numeric_limits<T>::min();
  const Tensor x = VectorOf<T>({-5, 0, 7, kLeast});
  EXPECT_THAT(ValuesOf<T>(RunOne("Neg", {x}).value()), ElementsAre(5, 0, -7, kLeast));
  EXPECT_THAT(ValuesOf<T>(RunOne("Relu", {x}).value()), ElementsAre(0, 0, 7, 0));
}

TEST(ClipTest, CrossedBoundsGiveTheUpperOne) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Clip", {Floats({3}, {-1, 3, 9}), Floats({}, {5}), Floats({1}, {2})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace quantd
