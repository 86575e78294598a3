// The elementary functions against the C library in double precision, over a sweep of all magnitudes.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/kernels/kernel_values.h"
#include "worker/kernels/select_kernels.h"

namespace quantd {
namespace {

using testing::KernelInput;

// Every 4999th float of both signs between the limits.
std::vector<float> Sweep(float lowest, float highest) {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 4999) {
    const float x = std::bit_cast<float>(bits);
    if (x <= highest) values.push_back(x);
    if (-x >= lowest) values.push_back(-x);
  }
  return values;
}

// The distance of `got` to the exact value in units of the float next to it.
double UlpsOff(float got, double exact) {
  const float nearest = static_cast<float>(exact);
  if (got == nearest) return 0;
  const float magnitude = std::fabs(nearest);
  const double ulp = static_cast<double>(std::nextafter(magnitude, std::numeric_limits<float>::infinity())) - magnitude;
  return std::fabs(got - exact) / ulp;
}

double WorstUlps(KernelTable::Map map, const std::vector<float>& x, double (*exact)(double)) {
  std::vector<float> y(x.size());
  map(x.data(), x.size(), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = std::max(worst, UlpsOff(y[i], exact(x[i])));
  return worst;
}

double WorstScaled(KernelTable::Map map, const std::vector<float>& x, double (*exact)(double)) {
  std::vector<float> y(x.size());
  map(x.data(), x.size(), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double scale = std::max(1.0, std::fabs(static_cast<double>(x[i])));
    worst = std::max(worst, std::fabs(y[i] - exact(x[i])) / scale);
  }
  return worst;
}

double ExactSigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double ExactSilu(double x) { return x * ExactSigmoid(x); }
double ExactGeluErf(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double ExactGeluTanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

class AccuracyTest : public ::testing::TestWithParam<const KernelTable*> {};

TEST_P(AccuracyTest, StaysWithinTheStatedBounds) {
  const KernelTable& table = *GetParam();
  EXPECT_LE(WorstUlps(table.exp, Sweep(-103.9f, 88.72f), &std::exp), 1.0);
  EXPECT_LE(WorstUlps(table.tanh, Sweep(-3e38f, 3e38f), &std::tanh), 3.0);
  EXPECT_LE(WorstUlps(table.erf, Sweep(-3e38f, 3e38f), &std::erf), 5.0);
  EXPECT_LE(WorstUlps(table.sigmoid, Sweep(-87.0f, 3e38f), &ExactSigmoid), 3.0);
  EXPECT_LE(WorstScaled(table.silu, Sweep(-3e38f, 3e38f), &ExactSilu), 2e-7);
  EXPECT_LE(WorstScaled(table.gelu_erf, Sweep(-1e10f, 1e10f), &ExactGeluErf), 2e-7);
  EXPECT_LE(WorstScaled(table.gelu_tanh, Sweep(-1e10f, 1e10f), &ExactGeluTanh), 2e-7);
}

TEST_P(AccuracyTest, EndsAndOddNumbersFollowTheFunctions) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {kInfinity, -kInfinity, 89.0f, -200.0f, std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> y(x.size());
  GetParam()->exp(x.data(), x.size(), y.data());
  EXPECT_EQ(y[0], kInfinity);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], kInfinity);
  EXPECT_EQ(y[3], 0);
  EXPECT_TRUE(std::isnan(y[4]));
  for (const KernelTable::Map map : {GetParam()->tanh, GetParam()->erf}) {
    map(x.data(), x.size(), y.data());
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], -1);
    EXPECT_TRUE(std::isnan(y[4]));
  }
  GetParam()->relu(x.data(), x.size(), y.data());
  EXPECT_EQ(y[3], 0);
  EXPECT_TRUE(std::isnan(y[4]));
}

TEST_P(AccuracyTest, SoftmaxRowsFollowTheFormula) {
  for (const size_t n : {1u, 5u, 128u, 1500u}) {
    const std::vector<float> x = KernelInput(n, n, 8);
    const std::vector<float> mask = KernelInput(n, n + 1, 3);
    std::vector<float> y(n);
    GetParam()->softmax_row(x.data(), n, 0.5f, mask.data(), y.data());
    std::vector<double> exact(n);
    double highest = -1e300, sum = 0;
    for (size_t i = 0; i < n; ++i) exact[i] = 0.5 * x[i] + mask[i], highest = std::max(highest, exact[i]);
    for (double& e : exact) e = std::exp(e - highest), sum += e;
    for (size_t i = 0; i < n; ++i) EXPECT_NEAR(y[i], exact[i] / sum, 4e-6 * exact[i] / sum + 1e-37);
  }
}

TEST_P(AccuracyTest, LayerNormRowsFollowTheFormula) {
  for (const size_t n : {1u, 7u, 768u, 3000u}) {
    const std::vector<float> x = KernelInput(n, n, 2), r = KernelInput(n, n + 1, 1), gamma = KernelInput(n, n + 2, 1),
                             beta = KernelInput(n, n + 3, 1);
    std::vector<float> y(n), sum(n);
    GetParam()->layer_norm_row({.x = x.data(), .residual = r.data(), .gamma = gamma.data(), .beta = beta.data(),
                                .n = n, .epsilon = 1e-3f, .sum = sum.data(), .y = y.data()});
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; ++i) mean += (static_cast<double>(x[i]) + r[i]) / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) variance += std::pow(x[i] + r[i] - mean, 2) / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      const double exact = (x[i] + r[i] - mean) / std::sqrt(variance + 1e-3) * gamma[i] + beta[i];
      EXPECT_NEAR(y[i], exact, 3e-6 * std::max(1.0, std::fabs(exact)));
      EXPECT_EQ(sum[i], x[i] + r[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, AccuracyTest, ::testing::ValuesIn(RunnableKernels()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace quantd
