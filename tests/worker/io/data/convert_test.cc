#include "worker/io/data/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

TEST(ConvertTest, NormalizesPerChannel) {
  // [C=2, inner=2]: (x * 0.5 - mean[c]) / std[c] with mean {1, 2}, std {2, 4}:
  // (10*.5-1)/2 = 2, (20*.5-1)/2 = 4.5, (30*.5-2)/4 = 3.25, (40*.5-2)/4 = 4.5.
  Normalization n;
  n.scale = 0.5;
  n.mean = {1, 2};
  n.std = {2, 4};
  n.channels = 2;
  n.inner = 2;
  std::vector<float> out(4);
  ASSERT_EQ(
      Convert(Tensor::Of<uint8_t>({4}, {10, 20, 30, 40}), 0, 4, n, DataType::kFloat, out.data()),
      Conversion::kOk);
  EXPECT_EQ(out, std::vector<float>({2, 4.5, 3.25, 4.5}));
}

TEST(ConvertTest, IntegersMustBeExactAndInRange) {
  const auto convert = [](const Tensor& source, DataType target) {
    char out[64];
    return Convert(source, 0, source.size(), Normalization(), target, out);
  };
  EXPECT_EQ(convert(Tensor::Of<float>({2}, {0, 255}), DataType::kUint8), Conversion::kOk);
  EXPECT_EQ(convert(Tensor::Of<float>({1}, {255.5}), DataType::kUint8), Conversion::kNotExact);
  EXPECT_EQ(convert(Tensor::Of<int32_t>({1}, {256}), DataType::kUint8), Conversion::kNotExact);
  EXPECT_EQ(convert(Tensor::Of<int32_t>({1}, {-1}), DataType::kUint64), Conversion::kNotExact);
  EXPECT_EQ(convert(Tensor::Of<uint64_t>({1}, {~uint64_t{0}}), DataType::kInt64),
            Conversion::kNotExact);
  EXPECT_EQ(convert(Tensor::Of<int32_t>({1}, {2}), DataType::kBool), Conversion::kNotExact);
  // Equal types copy all 64 bits.
  const int64_t odd = (int64_t{1} << 53) + 1;
  int64_t out = 0;
  EXPECT_EQ(Convert(Tensor::Of<int64_t>({1}, {odd}), 0, 1, Normalization(), DataType::kInt64, &out),
            Conversion::kOk);
  EXPECT_EQ(out, odd);
}

TEST(ConvertTest, WhatIsNotFiniteOrBeyondTheTargetIsReported) {
  const auto convert = [](double value, DataType target) {
    char out[8];
    return Convert(Tensor::Of<double>({1}, {value}), 0, 1, Normalization(), target, out);
  };
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_EQ(convert(bad, DataType::kFloat), Conversion::kNotFinite);
    EXPECT_EQ(convert(bad, DataType::kDouble), Conversion::kNotFinite);
    EXPECT_EQ(convert(bad, DataType::kInt64), Conversion::kNotFinite);
  }
  EXPECT_EQ(convert(1e39, DataType::kFloat), Conversion::kNotFinite);
  EXPECT_EQ(convert(65520, DataType::kFloat16), Conversion::kNotFinite);
  EXPECT_EQ(convert(3.4028234663852886e38, DataType::kFloat), Conversion::kOk);
}

}  // namespace
}  // namespace quantd
