// Softmax and normalizations: results that sums over an axis can check.
#include <cmath>
#include <limits>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::Ints;
using testing::RandomTensor;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;

// The elements of `x` along `axis` that share all other coordinates, once for each such group.
std::vector<std::vector<int64_t>> Lines(const Shape& shape, size_t axis) {
  int64_t inner = 1, outer = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  std::vector<std::vector<int64_t>> lines;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      lines.emplace_back();
      for (int64_t k = 0; k < shape[axis]; ++k) {
        lines.back().push_back((o * shape[axis] + k) * inner + i);
      }
    }
  }
  return lines;
}

void ExpectSoftmax(const Tensor& x, const Tensor& y, const Tensor& log, const Shape& as,
                   size_t axis) {
  for (const std::vector<int64_t>& line : Lines(as, axis)) {
    double sum = 0;
    for (const int64_t i : line) sum += std::exp(static_cast<double>(x.data<float>()[i]));
    for (const int64_t i : line) {
      EXPECT_NEAR(y.data<float>()[i], std::exp(x.data<float>()[i]) / sum, 1e-6);
      EXPECT_NEAR(log.data<float>()[i], x.data<float>()[i] - std::log(sum), 1e-5);
    }
  }
}

TEST(SoftmaxTest, NormalizesOneAxisSinceOpset13) {
  const Tensor x = RandomTensor({2, 3, 4}, 1, 5);
  for (const int64_t axis : {0, 1, 2, -1, -3}) {
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Softmax", {x}, {{"axis", axis}}));
    ASSERT_OK_AND_ASSIGN(const Tensor log, RunOne("LogSoftmax", {x}, {{"axis", axis}}));
    ExpectSoftmax(x, y, log, x.shape(), static_cast<size_t>(axis < 0 ? axis + 3 : axis));
  }
}

TEST(SoftmaxTest, NormalizesAllAxesFromOneOnBeforeOpset13) {
  const Tensor x = RandomTensor({2, 3, 4}, 1, 5);
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Softmax", {x}, {}, 12));
  ASSERT_OK_AND_ASSIGN(const Tensor log, RunOne("LogSoftmax", {x}, {}, 12));
  ExpectSoftmax(x, y, log, {2, 12}, 1);
}

TEST(SoftmaxTest, LargeInputsDoNotOverflow) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Softmax", {Floats({1, 3}, {1000, 1000, -1000})}));
  EXPECT_THAT(ValuesOf(y), ElementsAre(0.5f, 0.5f, 0));
}

TEST(BatchNormalizationTest, ScalesEachChannelByItsStatistics) {
  const Tensor x = RandomTensor({2, 3, 5}, 1, 4);
  const Tensor gamma = RandomTensor({3}, 2), beta = RandomTensor({3}, 3),
               mean = RandomTensor({3}, 4);
  const Tensor variance = Floats({3}, {0.5f, 1, 4});
  ASSERT_OK_AND_ASSIGN(
      const Tensor y,
      RunOne("BatchNormalization", {x, gamma, beta, mean, variance}, {{"epsilon", 0.25f}}));
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i / 5 % 3;
    const double normal =
        (x.data<float>()[i] - mean.data<float>()[c]) / std::sqrt(variance.data<float>()[c] + 0.25);
    EXPECT_NEAR(y.data<float>()[i], normal * gamma.data<float>()[c] + beta.data<float>()[c], 1e-5);
  }
  EXPECT_THAT(RunOne("BatchNormalization", {x, gamma, beta, mean, Floats({2}, {1, 1})}),
              HasReason("BAD_SHAPE"));
  // Until opset 13, further outputs ask for training.
  EXPECT_THAT(RunOp("BatchNormalization", {x, gamma, beta, mean, variance}, {}, 9, 3),
              HasReason("BAD_ATTRIBUTE"));
}

TEST(BatchNormalizationTest, TrainingMeasuresTheBatch) {
  // Channel 0 holds 1, 3 and 5, 7: mean 4, variance (9 + 1 + 1 + 9) / 4 = 5. Channel 1 is 2 throughout.
  const Tensor x = Floats({2, 2, 2}, {1, 3, 2, 2, 5, 7, 2, 2});
  const Tensor one = Floats({2}, {1, 1}), zero = Floats({2}, {0, 0}), ten = Floats({2}, {10, 10});
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Tensor> y,
      RunOp("BatchNormalization", {x, one, zero, ten, one},
            {{"training_mode", int64_t{1}}, {"momentum", 0.75f}, {"epsilon", 4.0f}}, 15, 3));
  // (x - 4) / sqrt(5 + 4)
  ExpectNear(y[0], x.shape(), {-1, -1 / 3.0, 0, 0, 1 / 3.0, 1, 0, 0}, 1e-6);
  ExpectNear(y[1], {2}, {0.75 * 10 + 0.25 * 4, 0.75 * 10 + 0.25 * 2}, 1e-6);
  ExpectNear(y[2], {2}, {0.75 * 1 + 0.25 * 5, 0.75 * 1}, 1e-6);
  EXPECT_THAT(RunOp("BatchNormalization", {Floats({0, 2}, {}), one, zero, ten, one},
                    {{"training_mode", int64_t{1}}}, 15, 3),
              HasReason("BAD_SHAPE"));
}

TEST(BatchNormalizationTest, NotSpatialMeansStatisticsOfEachPosition) {
  const Tensor x = Floats({1, 2, 2}, {1, 2, 3, 4});
  const Tensor zero = Floats({4}, {0, 0, 0, 0}), one = Floats({4}, {1, 1, 1, 1});
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("BatchNormalization", {x, one, zero, Floats({4}, {0, 1, 1, 0}), one},
                              {{"spatial", int64_t{0}}, {"epsilon", 0.0f}}, 7));
  ExpectNear(y, x.shape(), {1, 1, 2, 4}, 1e-6);
}

// (x - mean) / sqrt(variance + epsilon) * gamma + beta over stretches of `n`.
void ExpectNormalized(const Tensor& x, const Tensor& y, int64_t n, double epsilon,
                      const std::function<double(int64_t)>& gamma,
                      const std::function<double(int64_t)>& beta) {
  for (int64_t begin = 0; begin < x.size(); begin += n) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; ++i) mean += x.data<float>()[begin + i] / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) {
      variance += std::pow(x.data<float>()[begin + i] - mean, 2) / static_cast<double>(n);
    }
    for (int64_t i = begin; i < begin + n; ++i) {
      EXPECT_NEAR(y.data<float>()[i],
                  (x.data<float>()[i] - mean) / std::sqrt(variance + epsilon) * gamma(i) + beta(i),
                  1e-5);
    }
  }
}

TEST(LayerNormalizationTest, NormalizesTheLastAxes) {
  const Tensor x = RandomTensor({2, 3, 4}, 1, 3);
  for (const int64_t axis : {-1, 1}) {
    const int64_t n = axis == 1 ? 12 : 4;
    const Tensor gamma = RandomTensor({n}, 2), beta = RandomTensor({n}, 3);
    const auto gamma_of = [&](int64_t i) { return gamma.data<float>()[i % n]; };
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("LayerNormalization", {x, gamma, beta},
                                                {{"axis", axis}, {"epsilon", 0.5f}}));
    ExpectNormalized(x, y, n, 0.5, gamma_of, [&](int64_t i) { return beta.data<float>()[i % n]; });
    ASSERT_OK_AND_ASSIGN(const Tensor plain,
                         RunOne("LayerNormalization", {x, gamma}, {{"axis", axis}}));
    ExpectNormalized(x, plain, n, 1e-5, gamma_of, [](int64_t) { return 0.0; });
  }
  EXPECT_THAT(RunOne("LayerNormalization", {x, RandomTensor({3}, 2)}), HasReason("BAD_SHAPE"));
}

TEST(InstanceNormalizationTest, NormalizesEachPlane) {
  const Tensor x = RandomTensor({2, 3, 4, 2}, 1, 3);
  const Tensor gamma = RandomTensor({3}, 2), beta = RandomTensor({3}, 3);
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("InstanceNormalization", {x, gamma, beta}));
  ExpectNormalized(
      x, y, 8, 1e-5, [&](int64_t i) { return gamma.data<float>()[i / 8 % 3]; },
      [&](int64_t i) { return beta.data<float>()[i / 8 % 3]; });
}

}  // namespace
}  // namespace quantd
