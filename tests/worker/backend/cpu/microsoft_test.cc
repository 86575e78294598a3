// Operators of domain "com.microsoft", by hand and against the operators that they stand for.
#include <cmath>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::Attributes;
using testing::ExpectNear;
using testing::Floats;
using testing::HasReason;
using testing::RandomTensor;
using testing::RunOne;
using testing::RunOp;

absl::StatusOr<std::vector<Tensor>> RunMicrosoft(const std::string& type, const std::vector<Tensor>& inputs,
                                        Attributes attributes = {}, size_t outputs = 1) {
  return RunOp(type, inputs, std::move(attributes), 17, outputs, "com.microsoft");
}

TEST(MicrosoftTest, GeluWithAndWithoutBias) {
  const auto exact = [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); };
  const auto fast = [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); };
  const Tensor x = Floats({2, 2}, {-1, 0.5f, 2, -3}), bias = Floats({2}, {0.5f, 1});
  ExpectNear(RunMicrosoft("Gelu", {x}).value()[0], {2, 2}, {exact(-1), exact(0.5), exact(2), exact(-3)}, 1e-6);
  ExpectNear(RunMicrosoft("BiasGelu", {x, bias}).value()[0], {2, 2}, {exact(-0.5), exact(1.5), exact(2.5), exact(-2)}, 1e-6);
  ExpectNear(RunMicrosoft("FastGelu", {x, bias}).value()[0], {2, 2}, {fast(-0.5), fast(1.5), fast(2.5), fast(-2)}, 1e-6);
  EXPECT_THAT(RunMicrosoft("BiasGelu", {x, Floats({3}, {1, 1, 1})}), HasReason("BAD_SHAPE"));
}

TEST(MicrosoftTest, FusedMatMulIsTransposesAndAProduct) {
  const Tensor a = RandomTensor({2, 1, 3, 4}, 1), b = RandomTensor({5, 6, 3}, 2);
  const auto turned = [](const Tensor& x, std::vector<int64_t> order) {
    return RunOne("Transpose", {x}, {{"perm", std::move(order)}}).value();
  };
  ASSERT_OK_AND_ASSIGN(const Tensor product, RunOne("MatMul", {turned(a, {0, 1, 3, 2}), turned(b, {0, 2, 1})}));
  std::vector<double> expected;
  for (int64_t i = 0; i < product.size(); ++i) expected.push_back(2.5 * product.data<float>()[i]);
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y,
                       RunMicrosoft("FusedMatMul", {a, b}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 2.5f}}));
  ExpectNear(y[0], {2, 5, 4, 6}, expected, 1e-5);
  EXPECT_THAT(RunMicrosoft("FusedMatMul", {a, b}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunMicrosoft("FusedMatMul", {a, b}, {{"transBatchA", int64_t{1}}}), HasReason("BAD_ATTRIBUTE"));
}

TEST(MicrosoftTest, SkipLayerNormalizationNormalizesTheSum) {
  // Rows 1 + 1 + 0, 3 + 0 + 1: 2, 4; and 0 + 1 + 0, 8 + 0 + 1: 1, 9. Both become -1, 1.
  const Tensor x = Floats({2, 1, 2}, {1, 3, 0, 8}), skip = Floats({1, 2}, {1, 0}), bias = Floats({2}, {0, 1});
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y,
                       RunMicrosoft("SkipLayerNormalization", {x, skip, Floats({2}, {1, 2}), Floats({2}, {0, 3}), bias},
                           {{"epsilon", 0.0f}}, 4));
  ExpectNear(y[0], {2, 1, 2}, {-1, 5, -1, 5}, 1e-6);
  ExpectNear(y[1], {2, 1, 1}, {3, 5}, 1e-6);
  ExpectNear(y[2], {2, 1, 1}, {1, 0.25}, 1e-6);
  ExpectNear(y[3], {2, 1, 2}, {2, 4, 1, 9}, 1e-6);
  EXPECT_THAT(RunMicrosoft("SkipLayerNormalization", {x, Floats({2}, {1, 0}), Floats({2}, {1, 2})}, {}, 1), testing::IsOk());
  EXPECT_THAT(RunMicrosoft("SkipLayerNormalization", {x, Floats({1, 3}, {1, 0, 1}), Floats({2}, {1, 2})}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
