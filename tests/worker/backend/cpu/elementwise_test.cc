// Operators that work element by element, against the C library and NumPy's broadcasting.
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::At;
using testing::Attributes;
using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::Positions;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct UnaryCase {
  std::string type;
  std::function<double(double)> expected;
  Attributes attributes = {};
  int64_t opset = 20;
};

double Clamp(double x, double low, double high) { return std::fmin(std::fmax(x, low), high); }

class UnaryTest : public ::testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryTest, IsItsFunction) {
  const bool positive = GetParam().type == "Log" || GetParam().type == "Sqrt";
  Tensor x = RandomTensor({5, 40}, 1, 6);
  for (int64_t i = 0; positive && i < x.size(); ++i) {
    x.mutable_data<float>()[i] = std::fabs(x.data<float>()[i]);
  }
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne(GetParam().type, {x}, GetParam().attributes, GetParam().opset));
  ASSERT_EQ(y.shape(), x.shape());
  for (int64_t i = 0; i < x.size(); ++i) {
    const double expected = GetParam().expected(x.data<float>()[i]);
    EXPECT_NEAR(y.data<float>()[i], expected, 2e-6 * std::fmax(1, std::fabs(expected)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, UnaryTest,
    ::testing::Values(
        UnaryCase{"Relu", [](double x) { return std::fmax(x, 0); }},
        UnaryCase{"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
        UnaryCase{"Tanh", [](double x) { return std::tanh(x); }},
        UnaryCase{"Erf", [](double x) { return std::erf(x); }},
        UnaryCase{"Exp", [](double x) { return std::exp(x); }},
        UnaryCase{"Log", [](double x) { return std::log(x); }},
        UnaryCase{"Sqrt", [](double x) { return std::sqrt(x); }},
        UnaryCase{"Floor", [](double x) { return std::floor(x); }},
        UnaryCase{"Ceil", [](double x) { return std::ceil(x); }},
        UnaryCase{"Round", [](double x) { return std::nearbyint(x); }},
        UnaryCase{"Reciprocal", [](double x) { return 1 / x; }},
        UnaryCase{"Softplus", [](double x) { return std::log1p(std::exp(x)); }},
        UnaryCase{"Sin", [](double x) { return std::sin(x); }},
        UnaryCase{"Cos", [](double x) { return std::cos(x); }},
        UnaryCase{"Neg", [](double x) { return -x; }},
        UnaryCase{"Abs", [](double x) { return std::fabs(x); }},
        UnaryCase{"Identity", [](double x) { return x; }},
        UnaryCase{"HardSwish", [](double x) { return x * Clamp(x / 6 + 0.5, 0, 1); }},
        UnaryCase{"HardSigmoid",
                  [](double x) { return Clamp(0.25 * x + 0.75, 0, 1); },
                  {{"alpha", 0.25f}, {"beta", 0.75f}}},
        UnaryCase{"LeakyRelu", [](double x) { return x < 0 ? 0.125 * x : x; }, {{"alpha", 0.125f}}},
        UnaryCase{
            "Elu", [](double x) { return x < 0 ? 2 * (std::exp(x) - 1) : x; }, {{"alpha", 2.0f}}},
        UnaryCase{"Gelu", [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }},
        UnaryCase{
            "Clip", [](double x) { return Clamp(x, -1, 2); }, {{"min", -1.0f}, {"max", 2.0f}}, 6}),
    [](const auto& info) { return info.param.type; });

TEST(UnaryTest, GeluHasATanhForm) {
  const Tensor x = RandomTensor({50}, 1, 4);
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("Gelu", {x}, {{"approximate", std::string("tanh")}}, 20));
  for (int64_t i = 0; i < 50; ++i) {
    const double v = x.data<float>()[i];
    const double inner = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
    EXPECT_NEAR(y.data<float>()[i], 0.5 * v * (1 + std::tanh(inner)), 2e-6);
  }
}

TEST(UnaryTest, RoundTakesHalvesToEven) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Round", {Floats({4}, {0.5f, 1.5f, -2.5f, 2.4f})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(0, 2, -2, 2));
}

TEST(UnaryTest, AReluKeepsANan) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Relu", {Floats({1}, {std::nanf("")})}));
  EXPECT_TRUE(std::isnan(y.data<float>()[0]));
}

TEST(UnaryTest, IntegersHaveNegAndAbs) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  ASSERT_OK_AND_ASSIGN(const Tensor negative, RunOne("Neg", {Ints({5, kLeast})}));
  EXPECT_THAT(ValuesOf<int64_t>(negative), ElementsAre(-5, kLeast));  // Wraps, as hardware does.
  ASSERT_OK_AND_ASSIGN(const Tensor absolute, RunOne("Abs", {Ints({-5, 7})}));
  EXPECT_THAT(ValuesOf<int64_t>(absolute), ElementsAre(5, 7));
  EXPECT_THAT(RunOne("Sigmoid", {Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
}

TEST(UnaryTest, ClipTakesItsBoundsAsInputsSinceOpset11) {
  const Tensor x = Floats({3}, {-9, 1, 9});
  ASSERT_OK_AND_ASSIGN(const Tensor both, RunOne("Clip", {x, Floats({}, {0}), Floats({}, {6})}));
  EXPECT_THAT(ValuesOf(both), ElementsAre(0, 1, 6));
  ASSERT_OK_AND_ASSIGN(const Tensor upper, RunOne("Clip", {x, Tensor(), Floats({}, {6})}));
  EXPECT_THAT(ValuesOf(upper), ElementsAre(-9, 1, 6));
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("Clip", {x}));
  EXPECT_THAT(ValuesOf(none), ElementsAre(-9, 1, 9));
  EXPECT_THAT(RunOne("Clip", {x, Floats({2}, {0, 1})}), HasReason("BAD_SHAPE"));
}

struct BinaryCase {
  std::string type;
  std::function<double(double, double)> expected;
};

class BinaryTest : public ::testing::TestWithParam<BinaryCase> {};

TEST_P(BinaryTest, BroadcastsLikeNumPy) {
  struct Shapes {
    Shape a, b, y;
  };
  for (const Shapes& s :
       {Shapes{{3, 4}, {3, 4}, {3, 4}}, Shapes{{3, 4}, {4}, {3, 4}}, Shapes{{4}, {3, 4}, {3, 4}},
        Shapes{{3, 4}, {}, {3, 4}}, Shapes{{}, {}, {}}, Shapes{{}, {5}, {5}},
        Shapes{{2, 1, 4}, {3, 1}, {2, 3, 4}}, Shapes{{1}, {2, 3}, {2, 3}},
        Shapes{{2, 3, 1, 5}, {2, 1, 4, 1}, {2, 3, 4, 5}}, Shapes{{2, 0}, {1}, {2, 0}}}) {
    Tensor a = RandomTensor(s.a, 1, 3), b = RandomTensor(s.b, 2, 3);
    for (int64_t i = 0; GetParam().type == "Pow" && i < a.size(); ++i) {
      a.mutable_data<float>()[i] = std::fabs(a.data<float>()[i]);
    }
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne(GetParam().type, {a, b}));
    ASSERT_EQ(y.shape(), s.y);
    if (y.size() == 0) continue;
    Positions at(s.y);
    int64_t i = 0;
    do {
      const double expected = GetParam().expected(At<float>(a, at.at()), At<float>(b, at.at()));
      EXPECT_NEAR(y.data<float>()[i++], expected, 1e-5 * std::fmax(1, std::fabs(expected)));
    } while (at.Next());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryTest,
    ::testing::Values(BinaryCase{"Add", [](double a, double b) { return a + b; }},
                      BinaryCase{"Sub", [](double a, double b) { return a - b; }},
                      BinaryCase{"Mul", [](double a, double b) { return a * b; }},
                      BinaryCase{"Div", [](double a, double b) { return a / b; }},
                      BinaryCase{"Pow", [](double a, double b) { return std::pow(a, b); }},
                      BinaryCase{"Max", [](double a, double b) { return std::fmax(a, b); }},
                      BinaryCase{"Min", [](double a, double b) { return std::fmin(a, b); }},
                      BinaryCase{"Sum", [](double a, double b) { return a + b; }}),
    [](const auto& info) { return info.param.type; });

TEST(BinaryTest, SomeOperatorsFoldAnyNumber) {
  const Tensor a = Floats({2}, {1, 5}), b = Floats({2}, {4, 2}), c = Floats({1}, {3});
  ASSERT_OK_AND_ASSIGN(const Tensor most, RunOne("Max", {a, b, c}));
  EXPECT_THAT(ValuesOf(most), ElementsAre(4, 5));
  ASSERT_OK_AND_ASSIGN(const Tensor sum, RunOne("Sum", {a, b, c}));
  EXPECT_THAT(ValuesOf(sum), ElementsAre(8, 10));
  ASSERT_OK_AND_ASSIGN(const Tensor one, RunOne("Min", {a}));
  EXPECT_THAT(ValuesOf(one), ElementsAre(1, 5));
}

TEST(BinaryTest, ANanIsLargestAndSmallest) {
  const float nan = std::nanf("");
  for (const char* type : {"Max", "Min"}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y,
                         RunOne(type, {Floats({2}, {nan, 1}), Floats({2}, {1, nan})}));
    EXPECT_TRUE(std::isnan(y.data<float>()[0]) && std::isnan(y.data<float>()[1])) << type;
  }
}

TEST(BinaryTest, IntegersWrapAndDoNotTrap) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  ASSERT_OK_AND_ASSIGN(const Tensor sum, RunOne("Add", {Ints({kMost, 2}), Ints({1, 3})}));
  EXPECT_THAT(ValuesOf<int64_t>(sum), ElementsAre(kLeast, 5));
  ASSERT_OK_AND_ASSIGN(const Tensor quotient,
                       RunOne("Div", {Ints({7, -7, 3, kLeast}), Ints({2, 2, 0, -1})}));
  EXPECT_THAT(ValuesOf<int64_t>(quotient), ElementsAre(3, -3, 0, kLeast));
  ASSERT_OK_AND_ASSIGN(const Tensor power,
                       RunOne("Pow", {Ints({3, -2, 10, 2, 5}), Ints({4, 3, 300, 62, 0})}));
  EXPECT_EQ(power.data<int64_t>()[0], 81);
  EXPECT_EQ(power.data<int64_t>()[1], -8);
  EXPECT_EQ(power.data<int64_t>()[3], int64_t{1} << 62);
  EXPECT_EQ(power.data<int64_t>()[4], 1);
}

TEST(BinaryTest, ComparisonsAreTruthValues) {
  const Tensor a = Floats({3}, {1, 2, 3}), b = Floats({3}, {2, 2, 2});
  const std::map<std::string, std::vector<bool>> expected = {
      {"Equal", {false, true, false}},         {"Less", {true, false, false}},
      {"LessOrEqual", {true, true, false}},    {"Greater", {false, false, true}},
      {"GreaterOrEqual", {false, true, true}},
  };
  for (const auto& [type, truth] : expected) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne(type, {a, b}));
    EXPECT_EQ(ValuesOf<bool>(y), truth) << type;
  }
  const Tensor p = Tensor::Of<bool>({4}, {false, false, true, true});
  const Tensor q = Tensor::Of<bool>({4}, {false, true, false, true});
  ASSERT_OK_AND_ASSIGN(const Tensor both, RunOne("And", {p, q}));
  EXPECT_THAT(ValuesOf<bool>(both), ElementsAre(false, false, false, true));
  ASSERT_OK_AND_ASSIGN(const Tensor any, RunOne("Or", {p, q}));
  EXPECT_THAT(ValuesOf<bool>(any), ElementsAre(false, true, true, true));
  ASSERT_OK_AND_ASSIGN(const Tensor none, RunOne("Not", {p}));
  EXPECT_THAT(ValuesOf<bool>(none), ElementsAre(true, true, false, false));
}

TEST(WhereTest, PicksByConditionWithBroadcasting) {
  const Tensor condition = Tensor::Of<bool>({2, 1}, {true, false});
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Where", {condition, Floats({3}, {1, 2, 3}),
                                                        Floats({}, {-kInfinity})}));
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(1, 2, 3, -kInfinity, -kInfinity, -kInfinity));
}

TEST(BinaryTest, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(RunOne("Add", {RandomTensor({2, 3}, 1), RandomTensor({2}, 1)}),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Add", {RandomTensor({2}, 1), Ints({1, 2})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("Where", {Ints({1}), Ints({1}), Ints({1})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("Max", {}), HasReason("MISSING_INPUT"));
}

}  // namespace
}  // namespace quantd
