// QuantizeLinear and DequantizeLinear against the operator's formula.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/worker/backend/cpu/kernel_bench.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Floats;
using testing::HasReason;
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
