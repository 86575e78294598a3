// Integer products against the float kernels on the same numbers: sums of a few hundred products of 8-bit codes are
// exact in float32, so both must agree to the last bit.
#include <algorithm>
#include <cmath>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "worker/formats/convert_tensor.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Attributes;
using testing::Floats;
using testing::HasReason;
using testing::RunOne;
using testing::RunOp;
using testing::ValuesOf;

Tensor RandomCodes(DataType type, const Shape& shape, uint64_t seed) {
  Random random(seed);
  Tensor codes(type, shape);
  auto* bytes = static_cast<uint8_t*>(codes.mutable_raw());
  for (int64_t i = 0; i < codes.size(); ++i) bytes[i] = static_cast<uint8_t>(random.Below(256));
  return codes;
}

// codes - zero point as float, the zero points broadcast as `shape`.
Tensor Centred(const Tensor& codes, const Tensor& zero_point, const Shape& shape = {}) {
  Tensor zero = ToFloat32(zero_point).value();
  if (!shape.empty()) zero = zero.Reshaped(shape);
  return RunOne("Sub", {ToFloat32(codes).value(), zero}).value();
}

struct MatMulCase {
  Shape a, b;
  DataType a_type, b_type;
  bool per_row = false, per_column = false;
};

const MatMulCase kMatMulCases[] = {
    {{3, 40}, {40, 5}, DataType::kUint8, DataType::kInt8},
    {{3, 40}, {40, 5}, DataType::kInt8, DataType::kUint8, true, true},
    {{2, 3, 7}, {7, 4}, DataType::kUint8, DataType::kUint8, false, true},
    {{2, 3, 7}, {2, 7, 4}, DataType::kInt8, DataType::kInt8},
    {{2, 1, 3, 7}, {3, 7, 4}, DataType::kUint8, DataType::kInt8},
    {{7}, {7, 4}, DataType::kUint8, DataType::kInt8},
    {{3, 7}, {7}, DataType::kUint8, DataType::kInt8},
    {{0, 7}, {7, 4}, DataType::kUint8, DataType::kInt8},
};

// Sums beyond what a float holds exactly, with the largest products of either sign, against 64-bit sums.
TEST(IntegerProductTest, LongSumsAreExact) {
  constexpr int64_t kRows = 3, kDepth = 1031, kColumns = 4;
  for (const uint8_t zero : {0, 255}) {
    Tensor a = RandomCodes(DataType::kUint8, {kRows, kDepth}, 5), b = RandomCodes(DataType::kUint8, {kDepth, kColumns}, 6);
    std::fill_n(a.mutable_data<uint8_t>(), kDepth, static_cast<uint8_t>(255 - zero));
    for (int64_t p = 0; p < kDepth; ++p) b.mutable_data<uint8_t>()[p * kColumns] = 255;
    const Tensor sums = RunOne("MatMulInteger", {a, b, Tensor::Scalar<uint8_t>(zero), Tensor::Scalar<uint8_t>(0)}).value();
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kColumns; ++j) {
        int64_t expected = 0;
        for (int64_t p = 0; p < kDepth; ++p) {
          expected += (int64_t{a.data<uint8_t>()[i * kDepth + p]} - zero) * b.data<uint8_t>()[p * kColumns + j];
        }
        EXPECT_EQ(sums.data<int32_t>()[i * kColumns + j], expected) << i << "," << j;
      }
    }
  }
}

class IntegerMatMulTest : public ::testing::TestWithParam<MatMulCase> {
 protected:
  void SetUp() override {
    const MatMulCase& c = GetParam();
    a_ = RandomCodes(c.a_type, c.a, 1);
    b_ = RandomCodes(c.b_type, c.b, 2);
    const int64_t m = c.a.size() < 2 ? 1 : c.a[c.a.size() - 2], n = c.b.size() < 2 ? 1 : c.b.back();
    a_zero_ = RandomCodes(c.a_type, c.per_row ? Shape{m} : Shape{}, 3);
    b_zero_ = RandomCodes(c.b_type, c.per_column ? Shape{n} : Shape{}, 4);
    sums_ = RunOne("MatMul", {Centred(a_, a_zero_, c.per_row ? Shape{m, 1} : Shape{}), Centred(b_, b_zero_)}).value();
  }

  Tensor a_, b_, a_zero_, b_zero_, sums_;
};

TEST_P(IntegerMatMulTest, SumsAreExact) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMulInteger", {a_, b_, a_zero_, b_zero_}));
  ASSERT_EQ(y.dtype(), DataType::kInt32);
  EXPECT_TRUE(IdenticalTensors(ToFloat32(y).value(), sums_));
}

TEST_P(IntegerMatMulTest, QuantizedProductsAreTheSumsRequantized) {
  const int64_t n = GetParam().b.size() < 2 ? 1 : GetParam().b.back();
  std::vector<float> b_scales(GetParam().per_column ? static_cast<size_t>(n) : 1);
  for (size_t i = 0; i < b_scales.size(); ++i) b_scales[i] = 0.01f + 0.003f * static_cast<float>(i);
  const float a_scale = 0.05f, y_scale = 3.0f;
  ASSERT_OK_AND_ASSIGN(
      const Tensor y,
      RunOne("QLinearMatMul",
             {a_, Floats({}, {a_scale}), a_zero_, b_,
              Floats(GetParam().per_column ? Shape{n} : Shape{}, b_scales), b_zero_, Floats({}, {y_scale}),
              Tensor::Scalar<int8_t>(-3)}));
  ASSERT_EQ(y.shape(), sums_.shape());
  for (int64_t i = 0; i < y.size(); ++i) {
    const double scale = double{a_scale} * b_scales[b_scales.size() == 1 ? 0 : static_cast<size_t>(i % n)] / y_scale;
    const double real = sums_.data<float>()[i] * scale - 3;
    // Within rounding of the exact number; the multiplier itself is a float32.
    ASSERT_NEAR(y.data<int8_t>()[i], std::clamp(real, -128.0, 127.0), 0.5 + 1e-4) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, IntegerMatMulTest, ::testing::ValuesIn(kMatMulCases));

struct ConvCase {
  Shape x, w;
  DataType x_type, w_type;
  Attributes attributes;
  bool per_channel = false;
};

const ConvCase kConvCases[] = {
    {{2, 3, 6, 5}, {4, 3, 3, 3}, DataType::kUint8, DataType::kInt8, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}},
    {{1, 4, 7, 7}, {4, 1, 3, 3}, DataType::kInt8, DataType::kInt8,
     {{"group", int64_t{4}}, {"strides", std::vector<int64_t>{2, 2}}}, true},
    {{1, 4, 9}, {6, 2, 2}, DataType::kUint8, DataType::kUint8,
     {{"group", int64_t{2}}, {"dilations", std::vector<int64_t>{3}}, {"auto_pad", std::string("SAME_UPPER")}}, true},
    {{1, 2, 3, 4, 3}, {2, 2, 2, 2, 2}, DataType::kUint8, DataType::kInt8, {}},
};

class IntegerConvTest : public ::testing::TestWithParam<ConvCase> {
 protected:
  void SetUp() override {
    const ConvCase& c = GetParam();
    x_ = RandomCodes(c.x_type, c.x, 1);
    w_ = RandomCodes(c.w_type, c.w, 2);
    x_zero_ = RandomCodes(c.x_type, {}, 3);
    w_zero_ = RandomCodes(c.w_type, c.per_channel ? Shape{c.w[0]} : Shape{}, 4);
    Shape column(c.w.size(), 1);
    column[0] = c.w[0];
    sums_ = RunOne("Conv", {Centred(x_, x_zero_), Centred(w_, w_zero_, c.per_channel ? column : Shape{})}, c.attributes)
                .value();
  }

  Tensor x_, w_, x_zero_, w_zero_, sums_;
};

TEST_P(IntegerConvTest, SumsAreExactAndPaddingStandsForZero) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("ConvInteger", {x_, w_, x_zero_, w_zero_}, GetParam().attributes));
  ASSERT_EQ(y.dtype(), DataType::kInt32);
  EXPECT_TRUE(IdenticalTensors(ToFloat32(y).value(), sums_));
}

TEST_P(IntegerConvTest, QuantizedConvolutionsAddTheirBiasAndRequantize) {
  const int64_t channels = GetParam().w[0];
  const Tensor bias = RunOne("Cast", {Floats({channels}, std::vector<float>(static_cast<size_t>(channels), 5000))},
                             {{"to", static_cast<int64_t>(DataType::kInt32)}})
                          .value();
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("QLinearConv",
                              {x_, Floats({}, {0.02f}), x_zero_, w_, Floats({}, {0.01f}), w_zero_, Floats({}, {0.5f}),
                               Tensor::Scalar<uint8_t>(100), bias},
                              GetParam().attributes));
  ASSERT_EQ(y.shape(), sums_.shape());
  for (int64_t i = 0; i < y.size(); ++i) {
    const double real = (sums_.data<float>()[i] + 5000) * (0.02 * 0.01 / 0.5) + 100;
    ASSERT_NEAR(y.data<uint8_t>()[i], std::clamp(real, 0.0, 255.0), 0.5 + 1e-3) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, IntegerConvTest, ::testing::ValuesIn(kConvCases));

TEST(DynamicQuantizeTest, WorkedExample) {
  // ONNX's own example: range [-2.5, 3] -> scale 5.5 / 255 = 0.0215686, zero point 2.5 / scale = 115.9 -> 116.
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y,
                       RunOp("DynamicQuantizeLinear", {Floats({6}, {0, 2, -3 + 0.5f, -2.5f, 1.34f, 3})}, {}, 17, 3));
  EXPECT_FLOAT_EQ(y[1].data<float>()[0], 5.5f / 255);
  EXPECT_EQ(y[2].data<uint8_t>()[0], 116);
  // 2 / scale = 92.7 -> 93 + 116; -2.5 / scale = -115.9 -> 0; 1.34 / scale = 62.1 -> 62 + 116; 3 / scale = 139.1 -> 255.
  EXPECT_THAT(ValuesOf<uint8_t>(y[0]), ElementsAre(116, 209, 0, 0, 178, 255));
  EXPECT_EQ(y[1].rank(), 0u);
}

TEST(DynamicQuantizeTest, RangesThatDoNotContainZeroAreWidened) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> positive,
                       RunOp("DynamicQuantizeLinear", {Floats({2}, {5.1f, 2.55f})}, {}, 17, 3));
  EXPECT_FLOAT_EQ(positive[1].data<float>()[0], 0.02f);
  EXPECT_THAT(ValuesOf<uint8_t>(positive[2]), ElementsAre(0));
  ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> negative,
                       RunOp("DynamicQuantizeLinear", {Floats({1}, {-5.1f})}, {}, 17, 3));
  EXPECT_THAT(ValuesOf<uint8_t>(negative[2]), ElementsAre(255));
  EXPECT_THAT(ValuesOf<uint8_t>(negative[0]), ElementsAre(0));
}

TEST(DynamicQuantizeTest, AllZerosAndNothingHaveAScale) {
  for (const Tensor& x : {Floats({3}, {0, 0, 0}), Tensor(DataType::kFloat, {0})}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<Tensor> y, RunOp("DynamicQuantizeLinear", {x}, {}, 17, 3));
    EXPECT_THAT(ValuesOf(y[1]), ElementsAre(1));
    EXPECT_THAT(ValuesOf<uint8_t>(y[2]), ElementsAre(0));
    EXPECT_EQ(y[0].shape(), x.shape());
  }
}

TEST(IntegerKernelsTest, LongSumsWrapLikeHardware) {
  // 255 x 255 x 40000 = 2601000000 = 2^32 - 1693967296.
  const int64_t k = 40000;
  Tensor a(DataType::kUint8, {1, k}), b(DataType::kUint8, {k, 1});
  std::fill_n(a.mutable_data<uint8_t>(), k, 255);
  std::fill_n(b.mutable_data<uint8_t>(), k, 255);
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("MatMulInteger", {a, b}));
  EXPECT_EQ(y.data<int32_t>()[0], -1693967296);
}

TEST(IntegerKernelsTest, WhatDoesNotFitIsRefused) {
  const Tensor a = RandomCodes(DataType::kUint8, {2, 3}, 1), b = RandomCodes(DataType::kInt8, {3, 4}, 2);
  EXPECT_THAT(RunOne("MatMulInteger", {a, a}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MatMulInteger", {a, Floats({3, 4}, std::vector<float>(12))}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("MatMulInteger", {a, b, Tensor::Scalar<int8_t>(1)}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("MatMulInteger", {a, b, Tensor(), RandomCodes(DataType::kInt8, {3}, 1)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("MatMulInteger", {Tensor::Scalar<uint8_t>(1), b}), HasReason("BAD_SHAPE"));
  const Tensor x = RandomCodes(DataType::kUint8, {1, 3, 4, 4}, 1);
  EXPECT_THAT(RunOne("ConvInteger", {x, RandomCodes(DataType::kInt8, {2, 2, 3, 3}, 1)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("ConvInteger", {x, RandomCodes(DataType::kInt8, {2, 3, 5, 5}, 1)}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("QLinearMatMul", {a, Floats({}, {1}), Tensor::Scalar<uint8_t>(0)}), HasReason("MISSING_INPUT"));
}

}  // namespace
}  // namespace quantd
