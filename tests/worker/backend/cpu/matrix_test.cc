// MatMul and Gemm against triple loops.
#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using testing::At;
using testing::Attributes;
using testing::ExpectNear;
using testing::HasReason;
using testing::Positions;
using testing::RandomTensor;
using testing::RunOne;

// a [batch..., m, k] x b [batch..., k, n], batches broadcast to `batch`.
std::vector<double> Product(const Tensor& a, const Tensor& b, const Shape& batch) {
  const int64_t m = a.dim(a.rank() - 2), k = a.dim(a.rank() - 1), n = b.dim(b.rank() - 1);
  Shape shape = batch;
  shape.insert(shape.end(), {m, n});
  std::vector<double> y;
  Positions output(shape);
  do {
    std::vector<int64_t> left = output.at(), right = output.at();
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      left[shape.size() - 1] = i;
      right[shape.size() - 2] = i;
      sum += static_cast<double>(At<float>(a, left)) * At<float>(b, right);
    }
    y.push_back(sum);
  } while (output.Next());
  return y;
}

TEST(MatMulTest, MultipliesTheLastTwoAxes) {
  struct Case {
    Shape a, b, batch;
  };
  for (const Case& c :
       {Case{{3, 5}, {5, 4}, {}}, Case{{2, 3, 5}, {5, 4}, {2}}, Case{{2, 3, 5}, {2, 5, 4}, {2}},
        Case{{3, 5}, {2, 5, 4}, {2}}, Case{{2, 1, 3, 5}, {4, 5, 2}, {2, 4}},
        Case{{2, 3, 2, 7}, {2, 3, 7, 2}, {2, 3}}, Case{{1, 1}, {1, 1}, {}}}) {
    const Tensor a = RandomTensor(c.a, 1), b = RandomTensor(c.b, 2);
    ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMul", {a, b}));
    Shape shape = c.batch;
    shape.insert(shape.end(), {c.a[c.a.size() - 2], c.b.back()});
    ExpectNear(y, shape, Product(a, b, c.batch), 1e-5);
  }
}

TEST(MatMulTest, VectorsLoseTheirAxis) {
  const Tensor v = RandomTensor({5}, 1), m = RandomTensor({5, 3}, 2),
               n = RandomTensor({2, 4, 5}, 3);
  ASSERT_OK_AND_ASSIGN(const Tensor left, RunOne("MatMul", {v, m}));
  ExpectNear(left, {3}, Product(v.Reshaped({1, 5}), m, {}), 1e-5);
  ASSERT_OK_AND_ASSIGN(const Tensor right, RunOne("MatMul", {n, v}));
  ExpectNear(right, {2, 4}, Product(n, v.Reshaped({5, 1}), {2}), 1e-5);
  ASSERT_OK_AND_ASSIGN(const Tensor dot, RunOne("MatMul", {v, v}));
  ExpectNear(dot, {}, Product(v.Reshaped({1, 5}), v.Reshaped({5, 1}), {}), 1e-5);
}

TEST(MatMulTest, ASumOfNothingIsZero) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMul", {Tensor(DataType::kFloat, {2, 0}),
                                                         Tensor(DataType::kFloat, {0, 3})}));
  ExpectNear(y, {2, 3}, std::vector<double>(6, 0), 0);
}

TEST(MatMulTest, WhatDoesNotFitIsRefused) {
  const Tensor a = RandomTensor({3, 5}, 1);
  EXPECT_THAT(RunOne("MatMul", {a, RandomTensor({4, 5}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MatMul", {RandomTensor({2, 3, 5}, 1), RandomTensor({3, 5, 2}, 2)}),
              HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MatMul", {a, RandomTensor({}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MatMul", {a, Tensor(DataType::kUint8, {5, 2})}),
              HasReason("UNSUPPORTED_TYPE"));
}

Tensor Transposed(const Tensor& matrix) {
  Tensor result(DataType::kFloat, {matrix.dim(1), matrix.dim(0)});
  for (int64_t i = 0; i < matrix.dim(0); ++i) {
    for (int64_t j = 0; j < matrix.dim(1); ++j) {
      result.mutable_data<float>()[j * matrix.dim(0) + i] =
          matrix.data<float>()[i * matrix.dim(1) + j];
    }
  }
  return result;
}

TEST(GemmTest, IsAlphaTimesTheProductPlusBetaTimesTheBias) {
  const Tensor a = RandomTensor({3, 5}, 1), b = RandomTensor({5, 4}, 2);
  const std::vector<double> product = Product(a, b, {});
  for (const Shape& bias : {Shape{4}, Shape{1, 4}, Shape{3, 1}, Shape{3, 4}, Shape{}, Shape{1}}) {
    for (const int64_t trans : {0, 1, 2, 3}) {
      const bool trans_a = trans & 1, trans_b = trans & 2;
      const Tensor c = RandomTensor(bias, 3);
      ASSERT_OK_AND_ASSIGN(
          const Tensor y,
          RunOne("Gemm", {trans_a ? Transposed(a) : a, trans_b ? Transposed(b) : b, c},
                 {{"alpha", 0.5f},
                  {"beta", -3.0f},
                  {"transA", int64_t{trans_a}},
                  {"transB", int64_t{trans_b}}}));
      std::vector<double> expected;
      Positions at({3, 4});
      do {
        expected.push_back(0.5 * product[expected.size()] - 3.0 * At<float>(c, at.at()));
      } while (at.Next());
      ExpectNear(y, {3, 4}, expected, 1e-5);
    }
  }
}

TEST(GemmTest, TheBiasMayBeAbsent) {
  const Tensor a = RandomTensor({3, 5}, 1), b = RandomTensor({5, 4}, 2);
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("Gemm", {a, b}));
  ExpectNear(y, {3, 4}, Product(a, b, {}), 1e-5);
}

TEST(GemmTest, WhatDoesNotFitIsRefused) {
  const Tensor a = RandomTensor({3, 5}, 1), b = RandomTensor({5, 4}, 2);
  EXPECT_THAT(RunOne("Gemm", {a, a}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Gemm", {a, RandomTensor({1, 5, 4}, 2)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Gemm", {a, b, RandomTensor({3}, 3)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("Gemm", {a, b, RandomTensor({2, 3, 4}, 3)}), HasReason("BAD_SHAPE"));
}

}  // namespace
}  // namespace quantd
