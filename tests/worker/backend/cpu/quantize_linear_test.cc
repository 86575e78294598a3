// QuantizeLinear and DequantizeLinear against the operator's formula.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "worker/formats/convert_tensor.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
using testing::StatusIs;
using testing::RandomTensor;
using testing::RunOne;
using testing::ValuesOf;

template <typename T>
Tensor Codes(const Shape& shape, const std::vector<T>& values) {
  return Tensor::Of<T>(shape, values);
}

TEST(QuantizeLinearTest, RoundsHalfToEvenAndSaturates) {
  // x / 2 = 0, 0.5, 1.5, -0.5, 500, -500; + 128.
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("QuantizeLinear", {Floats({6}, {0, 1, 3, -1, 1000, -1000}),
                                                 Floats({}, {2}), Codes<uint8_t>({}, {128})}));
  EXPECT_THAT(ValuesOf<uint8_t>(y), ElementsAre(128, 128, 130, 128, 255, 0));
}

TEST(QuantizeLinearTest, WithoutAZeroPointCodesAreUnsigned) {
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       RunOne("QuantizeLinear", {Floats({3}, {-1, 2, 300}), Floats({}, {1})}));
  EXPECT_THAT(ValuesOf<uint8_t>(y), ElementsAre(0, 2, 255));
}

template <typename T>
void ExpectFormula(const Shape& shape, int64_t axis) {
  Random random(1);
  const Tensor x = RandomTensor(shape, 2, 300);
  const size_t at =
      static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
  std::vector<float> scales;
  std::vector<T> zeros;
  for (int64_t c = 0; c < shape[at]; ++c) {
    scales.push_back(static_cast<float>(0.1 + random.Uniform()));
    zeros.push_back(static_cast<T>(random.Below(100)));
  }
  const Tensor scale = Floats({shape[at]}, scales), zero = Codes<T>({shape[at]}, zeros);
  ASSERT_OK_AND_ASSIGN(const Tensor q,
                       RunOne("QuantizeLinear", {x, scale, zero}, {{"axis", axis}}));
  ASSERT_OK_AND_ASSIGN(const Tensor back,
                       RunOne("DequantizeLinear", {q, scale, zero}, {{"axis", axis}}));
  int64_t inner = 1;
  for (size_t i = at + 1; i < shape.size(); ++i) inner *= shape[i];
  for (int64_t i = 0; i < x.size(); ++i) {
    const size_t c = static_cast<size_t>(i / inner % shape[at]);
    const double code = std::nearbyint(x.data<float>()[i] / scales[c]) + zeros[c];
    const double limited =
        std::clamp<double>(code, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    ASSERT_EQ(q.data<T>()[i], limited) << i;
    ASSERT_EQ(back.data<float>()[i], static_cast<float>(limited - zeros[c]) * scales[c]) << i;
  }
}

TEST(QuantizeLinearTest, EachChannelHasItsOwnScale) {
  ExpectFormula<uint8_t>({4, 3, 5}, 1);
  ExpectFormula<int8_t>({4, 3, 5}, 0);
  ExpectFormula<int8_t>({4, 3, 5}, -1);
  ExpectFormula<uint16_t>({7}, 0);
  ExpectFormula<int16_t>({2, 2, 2, 2}, -2);
}

TEST(QuantizeLinearTest, WhatIsNoNumberHasACode) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ASSERT_OK_AND_ASSIGN(
      const Tensor y, RunOne("QuantizeLinear", {Floats({3}, {kInfinity, -kInfinity, std::nanf("")}),
                                                Floats({}, {1}), Codes<int8_t>({}, {0})}));
  EXPECT_THAT(ValuesOf<int8_t>(y), ElementsAre(127, -128, -128));
}

TEST(DequantizeLinearTest, A32BitCodeLosesNoBitBeforeItsScale) {
  // 2^31 - 1 minus -2^31 does not fit 32 bits.
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("DequantizeLinear",
                                              {Codes<int32_t>({2}, {kMost, 16777217}),
                                               Floats({}, {0.5f}), Codes<int32_t>({}, {kLeast})}));
  EXPECT_EQ(y.data<float>()[0], 2147483648.0f);
  ASSERT_OK_AND_ASSIGN(const Tensor plain,
                       RunOne("DequantizeLinear", {Codes<int32_t>({1}, {-6}), Floats({}, {0.5f})}));
  EXPECT_THAT(ValuesOf(plain), ElementsAre(-3));
}

// The scale of element `at` by the operator's text: blocks of `block` along `axis`.
std::vector<int64_t> BlockOf(std::vector<int64_t> at, size_t axis, int64_t block) {
  at[axis] /= block;
  return at;
}

TEST(QuantizeLinearTest, EachBlockHasItsOwnScale) {
  Random random(3);
  // The last block of an axis may be short; blocks along the first, a middle and the last axis.
  struct Case {
    Shape shape;
    int64_t axis;
    int64_t block;
  };
  for (const auto& [shape, axis, block] : {Case{{7, 5}, 0, 3}, Case{{5, 7}, 1, 4}, Case{{2, 6, 3}, 1, 2},
                                           Case{{2, 3, 9}, -1, 16}, Case{{4, 4}, 0, 1}}) {
    const size_t at = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
    Shape blocks = shape;
    blocks[at] = (shape[at] + block - 1) / block;
    const Tensor x = RandomTensor(shape, 4, 20);
    Tensor scale(DataType::kFloat, blocks), zero(DataType::kInt8, blocks);
    for (int64_t i = 0; i < scale.size(); ++i) {
      scale.mutable_data<float>()[i] = static_cast<float>(0.5 + 4 * random.Uniform());
      zero.mutable_data<int8_t>()[i] = static_cast<int8_t>(static_cast<int>(random.Below(16)) - 8);
    }
    const Tensor packed_zero = PackIntegers(zero, DataType::kInt4);
    const testing::Attributes attributes = {{"axis", axis}, {"block_size", block}};
    ASSERT_OK_AND_ASSIGN(const Tensor q, RunOne("QuantizeLinear", {x, scale, packed_zero}, attributes, 21));
    ASSERT_EQ(q.dtype(), DataType::kInt4);
    ASSERT_OK_AND_ASSIGN(const Tensor back, RunOne("DequantizeLinear", {q, scale, packed_zero}, attributes, 21));
    const Tensor codes = UnpackIntegers(q);
    testing::Positions position(shape);
    int64_t i = 0;
    do {
      const std::vector<int64_t> its = BlockOf(position.at(), at, block);
      const float s = testing::At<float>(scale, its);
      const int z = testing::At<int8_t>(zero, its);
      const double code = std::clamp<double>(std::nearbyint(x.data<float>()[i] / s) + z, -8, 7);
      ASSERT_EQ(codes.data<int8_t>()[i], code) << i;
      ASSERT_EQ(back.data<float>()[i], static_cast<float>(code - z) * s) << i;
      ++i;
    } while (position.Next());
  }
}

TEST(QuantizeLinearTest, PackedTypesUseAllTheirCodesAndNoMore) {
  const Tensor x = Floats({5}, {-100, -2, 0, 1, 100});
  const auto codes = [&](DataType type) {
    const Tensor q = RunOne("QuantizeLinear", {x, Floats({}, {1})},
                            {{"output_dtype", static_cast<int64_t>(type)}}, 25).value();
    EXPECT_EQ(q.dtype(), type);
    const Tensor floats = ToFloat32(q).value();
    return ValuesOf<float>(floats);
  };
  EXPECT_THAT(codes(DataType::kInt4), ElementsAre(-8, -2, 0, 1, 7));
  EXPECT_THAT(codes(DataType::kUint4), ElementsAre(0, 0, 0, 1, 15));
  EXPECT_THAT(codes(DataType::kInt2), ElementsAre(-2, -2, 0, 1, 1));
  EXPECT_THAT(codes(DataType::kUint2), ElementsAre(0, 0, 0, 1, 3));
  EXPECT_THAT(codes(DataType::kInt16), ElementsAre(-100, -2, 0, 1, 100));
}

TEST(QuantizeLinearTest, Float8TakesTheNearestAndSaturatesUnlessToldNot) {
  // x / 2: 0.5, 1.0625 (between 1 and 1.125: even is 1), 1000.
  const Tensor x = Floats({3}, {1, 2.125f, 2000}), scale = Floats({}, {2});
  const Tensor zero(DataType::kFloat8E4M3FN, {});
  ASSERT_OK_AND_ASSIGN(const Tensor q, RunOne("QuantizeLinear", {x, scale, zero}, {}, 19));
  EXPECT_EQ(q.dtype(), DataType::kFloat8E4M3FN);
  ASSERT_OK_AND_ASSIGN(const Tensor back, RunOne("DequantizeLinear", {q, scale, zero}, {}, 19));
  EXPECT_THAT(ValuesOf(back), ElementsAre(1, 2, 896));
  ASSERT_OK_AND_ASSIGN(const Tensor special,
                       RunOne("QuantizeLinear", {x, scale, zero}, {{"saturate", int64_t{0}}}, 19));
  EXPECT_TRUE(std::isnan(ToFloat32(special).value().data<float>()[2]));
}

TEST(QuantizeLinearTest, Float4InBlocks) {
  // [2, 4] in blocks of 2 along axis 1: scales 1, 2; 0.5, 1. Values of e2m1: 0 0.5 1 1.5 2 3 4 6.
  const Tensor x = Floats({2, 4}, {2.4f, -9, 5, 2, 1.3f, -0.2f, 2.5f, 5});
  const Tensor scale = Floats({2, 2}, {1, 2, 0.5f, 1});
  const testing::Attributes q_attributes = {
      {"axis", int64_t{1}}, {"block_size", int64_t{2}}, {"output_dtype", static_cast<int64_t>(DataType::kFloat4E2M1)}};
  ASSERT_OK_AND_ASSIGN(const Tensor q, RunOne("QuantizeLinear", {x, scale}, q_attributes, 23));
  ASSERT_OK_AND_ASSIGN(const Tensor back, RunOne("DequantizeLinear", {q, scale},
                                                 {{"axis", int64_t{1}}, {"block_size", int64_t{2}}}, 23));
  // 2.4 -> 2; -9 -> -6; 2.5 -> 2 (tie, even), x2 = 4; 1 x2 = 2; 2.6 -> 3 x0.5; -0.4 -> -0.5 x0.5; 2.5 -> 2; 5 -> 4.
  EXPECT_THAT(ValuesOf(back), ElementsAre(2, -6, 4, 2, 1.5f, -0.25f, 2, 4));
}

TEST(QuantizeLinearTest, HalfPrecisionScalesGiveHalfPrecisionValues) {
  const Tensor x = FromFloat32(Floats({3}, {1, -3, 0.3f}), DataType::kFloat16, Overflow::kSpecial).value();
  // 0.1 in float16 is 0.0999755859375, and 1 / that = 10.002 -> 10; -30.007 -> -30; 0.3 is 0.300048828125 -> 3.0012.
  const Tensor scale = FromFloat32(Floats({}, {0.1f}), DataType::kFloat16, Overflow::kSpecial).value();
  const Tensor zero = Codes<int8_t>({}, {1});
  ASSERT_OK_AND_ASSIGN(const Tensor q, RunOne("QuantizeLinear", {x, scale, zero}, {}, 19));
  EXPECT_THAT(ValuesOf<int8_t>(q), ElementsAre(11, -29, 4));
  ASSERT_OK_AND_ASSIGN(const Tensor back, RunOne("DequantizeLinear", {q, scale, zero}, {}, 19));
  ASSERT_EQ(back.dtype(), DataType::kFloat16);
  // 10 x 0.0999755859375 = 2047.5 x 2^-11: a tie, to 2048 x 2^-11 = 1. 30 x it = 2.999267578125, nearer to 3 than to
  // 2.998046875. 3 x it = 1228.5 x 2^-12: a tie, to 1228 x 2^-12.
  EXPECT_THAT(ValuesOf(ToFloat32(back).value()), ElementsAre(1, -3, 0.2998046875f));
  // output_dtype (opset 23) decides over the scale's type.
  ASSERT_OK_AND_ASSIGN(const Tensor wide,
                       RunOne("DequantizeLinear", {q, scale, zero},
                              {{"output_dtype", static_cast<int64_t>(DataType::kFloat)}}, 23));
  EXPECT_THAT(ValuesOf(wide), ElementsAre(0.999755859375f, -2.999267578125f, 0.2999267578125f));
}

TEST(QuantizeLinearTest, IntegersCanBeQuantizedToo) {
  ASSERT_OK_AND_ASSIGN(const Tensor y, RunOne("QuantizeLinear", {Codes<int32_t>({2}, {1000, -7}), Floats({}, {2}),
                                                                Codes<int8_t>({}, {0})}));
  EXPECT_THAT(ValuesOf<int8_t>(y), ElementsAre(127, -4));  // -3.5: even.
}

TEST(QuantizeLinearTest, PackedTensorsGoNowhereElse) {
  EXPECT_THAT(RunOne("Transpose", {Tensor(DataType::kInt4, {2, 2})}), HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("ConstantOfShape", {testing::Ints({2})}, {{"value", Tensor(DataType::kUint4, {1})}}),
              HasReason("BAD_ATTRIBUTE"));
}

TEST(QuantizeLinearTest, BlocksThatDoNotFitAreRefused) {
  const Tensor x = RandomTensor({4, 6}, 1);
  const auto quantize = [&](const Shape& scales, int64_t axis, int64_t block) {
    return RunOne("QuantizeLinear", {x, RandomTensor(scales, 2)}, {{"axis", axis}, {"block_size", block}}, 21);
  };
  EXPECT_OK(quantize({4, 2}, 1, 4));
  EXPECT_THAT(quantize({4, 3}, 1, 4), HasReason("BAD_SHAPE"));
  EXPECT_THAT(quantize({4}, 1, 4), HasReason("BAD_SHAPE"));
  EXPECT_THAT(quantize({4, 2}, 0, 4), HasReason("BAD_SHAPE"));
  EXPECT_THAT(quantize({4, 2}, 2, 4), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(quantize({4, 2}, 1, -4), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(quantize({4, 1}, 1, int64_t{1} << 62), StatusIs(absl::StatusCode::kOk));
  EXPECT_THAT(RunOne("QuantizeLinear", {x, Floats({}, {1})},
                     {{"output_dtype", static_cast<int64_t>(DataType::kFloat16)}}, 21),
              HasReason("BAD_ATTRIBUTE"));
  Tensor one(DataType::kFloat8E5M2, {});
  *static_cast<uint8_t*>(one.mutable_raw()) = 0x3c;
  EXPECT_THAT(RunOne("QuantizeLinear", {x, Floats({}, {1}), one}), HasReason("BAD_ATTRIBUTE"));
}

TEST(QuantizeLinearTest, WhatDoesNotFitIsRefused) {
  const Tensor x = RandomTensor({2, 3}, 1);
  const Tensor two = Floats({2}, {1, 1});
  EXPECT_THAT(RunOne("QuantizeLinear", {x, two}, {{"axis", int64_t{1}}}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("QuantizeLinear", {x, two}, {{"axis", int64_t{2}}}),
              HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(
      RunOne("QuantizeLinear", {x, two, Codes<int8_t>({3}, {0, 0, 0})}, {{"axis", int64_t{0}}}),
      HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("QuantizeLinear", {x, Floats({1, 2}, {1, 1})}), HasReason("BAD_SHAPE"));
  EXPECT_THAT(RunOne("QuantizeLinear", {x, Floats({}, {1}), Codes<int32_t>({}, {0})}),
              HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("DequantizeLinear",
                     {Codes<int8_t>({1}, {1}), Floats({}, {1}), Codes<uint8_t>({}, {0})}),
              HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(RunOne("DequantizeLinear", {x, Floats({}, {1})}), HasReason("UNSUPPORTED_TYPE"));
}

}  // namespace
}  // namespace quantd
