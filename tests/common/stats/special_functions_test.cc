#include "common/stats/special_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace quantd {
namespace {

TEST(SpecialFunctions, IncompleteBetaMatchesExactBinomialTails) {
  // For whole a and b, I_x(a, b) = P(Bin(a + b - 1, x) >= a): sums of exact rationals, rounded
  // once.
  struct Case {
    double a, b, x, value;
  };
  for (const Case& c : {Case{3, 5, 0.2, 0.148032},
                        {50, 30, 0.6, 0.31705715396911205},
                        {30, 1, 0.9, 0.042391158275216202},
                        {1991, 10, 0.995, 0.45761604978395043},
                        {1900, 101, 0.95, 0.52657093854108838},
                        {9, 1992, 0.004, 0.4074524716997705},
                        {2, 4999, 0.001, 0.95963968904180796}}) {
    EXPECT_NEAR(RegularizedIncompleteBeta(c.a, c.b, c.x), c.value, 1e-12 * c.value)
        << c.a << " " << c.b << " " << c.x;
  }
}

TEST(SpecialFunctions, IncompleteBetaHasItsClosedForms) {
  for (const double x : {1e-9, 0.01, 0.3, 0.5, 0.77, 0.999}) {
    EXPECT_NEAR(RegularizedIncompleteBeta(0.5, 0.5, x),
                2 / std::numbers::pi * std::asin(std::sqrt(x)), 1e-14);
    EXPECT_NEAR(RegularizedIncompleteBeta(7, 1, x), std::pow(x, 7), 1e-15);
    EXPECT_NEAR(RegularizedIncompleteBeta(1, 2.5, x), 1 - std::pow(1 - x, 2.5), 1e-14);
  }
  EXPECT_EQ(RegularizedIncompleteBeta(2, 3, 0), 0);
  EXPECT_EQ(RegularizedIncompleteBeta(2, 3, 1), 1);
}

TEST(SpecialFunctions, IncompleteBetaIsSymmetric) {
  for (const double a : {0.7, 3.0, 120.5, 40000.0}) {
    for (const double b : {0.9, 11.0, 800.0}) {
      for (const double x : {0.001, 0.2, 0.5, 0.9, 0.98}) {
        EXPECT_NEAR(RegularizedIncompleteBeta(a, b, x), 1 - RegularizedIncompleteBeta(b, a, 1 - x),
                    1e-13);
      }
    }
  }
}

TEST(SpecialFunctions, TheInverseReturnsToItsArgument) {
  for (const double a : {0.5, 1.0, 18.0, 1997.0, 60000.0}) {
    for (const double b : {0.5, 1.0, 4.0, 300.0}) {
      for (const double p : {1e-8, 0.0125, 0.025, 0.5, 0.975, 0.999}) {
        const double x = InverseRegularizedIncompleteBeta(a, b, p);
        // Near 1 a double has few digits of 1 - x left, so p is bracketed by the neighbours of x.
        const double ulps = 4 * std::numeric_limits<double>::epsilon() * x;
        EXPECT_LE(RegularizedIncompleteBeta(a, b, x - ulps), p * (1 + 1e-12)) << a << " " << b;
        EXPECT_GE(RegularizedIncompleteBeta(a, b, x + ulps), p * (1 - 1e-12)) << a << " " << b;
      }
    }
  }
  // Beta(1, n): 1 - (1 - p)^(1/n).
  EXPECT_NEAR(InverseRegularizedIncompleteBeta(1, 20, 0.975), 1 - std::pow(0.025, 1.0 / 20), 1e-14);
  EXPECT_EQ(InverseRegularizedIncompleteBeta(3, 4, 0), 0);
  EXPECT_EQ(InverseRegularizedIncompleteBeta(3, 4, 1), 1);
}

TEST(SpecialFunctions, NormalQuantileMatchesTables) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.995), 2.5758293035489004, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.3), -0.5244005127080407, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167813, 1e-13);
  EXPECT_NEAR(NormalQuantile(1e-10), -6.361340902404056, 1e-12);
  EXPECT_EQ(NormalQuantile(0.5), 0);
  EXPECT_EQ(NormalQuantile(0), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(NormalQuantile(1), std::numeric_limits<double>::infinity());
}

TEST(SpecialFunctions, LogGammaOfWholeNumbersIsTheFactorial) {
  EXPECT_NEAR(LogGamma(6), std::log(120.0), 1e-14);
  EXPECT_NEAR(LogGamma(0.5), 0.5 * std::log(std::numbers::pi), 1e-15);
}

}  // namespace
}  // namespace quantd
