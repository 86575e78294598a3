// MatMulNBits against its formula: w = (code - zero point) x scale, Y = A W^T.
#include <cmath>

#include "tests/worker/backend/cpu/kernel_bench.h"
#include "worker/formats/convert_tensor.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::Attributes;
using testing::Floats;
using testing::HasReason;
using testing::RandomTensor;
using testing::ValuesOf;

absl::StatusOr<Tensor> Multiply(const std::vector<Tensor>& inputs, const Attributes& attributes) {
  ASSIGN_OR_RETURN(std::vector<Tensor> y, testing::RunOp("MatMulNBits", inputs, attributes, 21, 1, "com.microsoft"));
  return y[0];
}

Attributes Layout(int64_t k, int64_t n, int64_t block, int64_t bits) {
  return {{"K", k}, {"N", n}, {"block_size", block}, {"bits", bits}};
}

Tensor Bytes(const Shape& shape, const std::vector<uint8_t>& bytes) { return Tensor::Of<uint8_t>(shape, bytes); }

TEST(MatMulNBitsTest, LowNibblesComeFirstAndEightIsZero) {
  // One row of 16 codes: 0x21 -> 1, 2; the rest 8. With scale 0.5: -3.5, -3, 0, ...
  std::vector<uint8_t> row(8, 0x88);
  row[0] = 0x21;
  Tensor x(DataType::kFloat, {1, 16});
  x.mutable_data<float>()[0] = 1;
  x.mutable_data<float>()[1] = 10;
  ASSERT_OK_AND_ASSIGN(const Tensor y,
                       Multiply({x, Bytes({1, 1, 8}, row), Floats({1, 1}, {0.5f})}, Layout(16, 1, 16, 4)));
  EXPECT_THAT(ValuesOf(y), ElementsAre(-3.5f - 30));
}

TEST(MatMulNBitsTest, ZeroPointsArePackedByRow) {
  // K = 48 in blocks of 16: three zero points a row, two bytes; a row starts on a byte. Codes are all 5, x all 1.
  const Tensor x = Floats({1, 48}, std::vector<float>(48, 1));
  const Tensor codes = Bytes({2, 3, 8}, std::vector<uint8_t>(48, 0x55));
  const Tensor scales = Floats({2, 3}, {1, 10, 100, 1, 10, 100});
  // Row 0: zeros 1, 2, 3 -> 16 x (4 + 30 + 200). Row 1: 4, 5, 6 -> 16 x (1 + 0 - 100).
  const Tensor zeros = Bytes({2, 2}, {0x21, 0x03, 0x54, 0x06});
  ASSERT_OK_AND_ASSIGN(const Tensor y, Multiply({x, codes, scales, zeros}, Layout(48, 2, 16, 4)));
  EXPECT_THAT(ValuesOf(y), ElementsAre(3744, -1584));
  // The same as floats, unpacked, with a bias.
  ASSERT_OK_AND_ASSIGN(const Tensor floats, Multiply({x, codes, scales, Floats({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor(),
                                                 Floats({2}, {1, -1})},
                                                Layout(48, 2, 16, 4)));
  EXPECT_THAT(ValuesOf(floats), ElementsAre(3745, -1585));
}

TEST(MatMulNBitsTest, EveryWidthFollowsTheFormula) {
  for (const int bits : {2, 4, 8}) {
    // The last block is cut short by K: its padding counts for nothing.
    const int64_t k = 40, n = 3, block = 16, blocks = 3, block_bytes = block * bits / 8;
    Random random(static_cast<uint64_t>(bits));
    std::vector<uint8_t> bytes(static_cast<size_t>(n * blocks * block_bytes));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Below(256));
    const Tensor x = RandomTensor({2, 2, k}, 7), scales = RandomTensor({n, blocks}, 8);
    ASSERT_OK_AND_ASSIGN(const Tensor y,
                         Multiply({x, Bytes({n, blocks, block_bytes}, bytes), scales}, Layout(k, n, block, bits)));
    ASSERT_EQ(y.shape(), Shape({2, 2, n}));
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < k; ++p) {
          const int64_t bit = (j * blocks * block + p) * bits;  // Blocks are whole bytes: rows run on.
          const int code = bytes[static_cast<size_t>(bit / 8)] >> (bit % 8) & ((1 << bits) - 1);
          const double w = (code - (1 << (bits - 1))) * double{scales.data<float>()[j * blocks + p / block]};
          sum += x.data<float>()[i * k + p] * w;
        }
        ASSERT_NEAR(y.data<float>()[i * n + j], sum, 1e-4 * (1 << bits)) << bits;
      }
    }
  }
}

TEST(MatMulNBitsTest, HalfPrecisionInputsGiveHalfPrecisionOutputs) {
  const auto half = [](const Tensor& x) { return FromFloat32(x, DataType::kFloat16, Overflow::kSpecial).value(); };
  const Tensor x = half(Floats({1, 16}, std::vector<float>(16, 1)));
  ASSERT_OK_AND_ASSIGN(const Tensor y, Multiply({x, Bytes({1, 1, 8}, std::vector<uint8_t>(8, 0x99)), half(Floats({1}, {0.5f}))},
                                           Layout(16, 1, 16, 4)));
  EXPECT_EQ(y.dtype(), DataType::kFloat16);
  EXPECT_THAT(ValuesOf(ToFloat32(y).value()), ElementsAre(8));  // 16 x (9 - 8) x 0.5.
}

TEST(MatMulNBitsTest, WhatDoesNotFitIsRefused) {
  const Tensor x = RandomTensor({1, 16}, 1), codes = Bytes({1, 1, 8}, std::vector<uint8_t>(8)), scale = Floats({1}, {1});
  EXPECT_OK(Multiply({x, codes, scale}, Layout(16, 1, 16, 4)));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(16, 1, 16, 3)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(16, 1, 24, 4)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(16, 1, 8, 4)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(0, 1, 16, 4)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(int64_t{1} << 40, int64_t{1} << 40, 16, 4)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes, scale}, Layout(32, 1, 16, 4)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(Multiply({x, codes, Floats({2}, {1, 1})}, Layout(16, 1, 16, 4)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(Multiply({RandomTensor({1, 15}, 1), codes, scale}, Layout(16, 1, 16, 4)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(Multiply({x, codes, scale, Bytes({2}, {0, 0})}, Layout(16, 1, 16, 4)), HasReason("BAD_SHAPE"));
  EXPECT_THAT(Multiply({x, codes, scale, Tensor(), testing::Ints({0})}, Layout(16, 1, 16, 4)), HasReason("BAD_ATTRIBUTE"));
  EXPECT_THAT(Multiply({x, codes}, Layout(16, 1, 16, 4)), HasReason("MISSING_INPUT"));
}

}  // namespace
}  // namespace quantd
