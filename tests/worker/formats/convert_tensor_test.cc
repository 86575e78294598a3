#include "worker/formats/convert_tensor.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/status_matchers.h"
#include "worker/formats/packed_codes.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

std::vector<float> Values(const Tensor& x) {
  const Tensor wide = ToFloat32(x).value();
  return std::vector<float>(wide.data<float>(), wide.data<float>() + wide.size());
}

std::vector<int> Bytes(const Tensor& x) {
  const auto* bytes = static_cast<const uint8_t*>(x.raw());
  return std::vector<int>(bytes, bytes + x.bytes());
}

TEST(PackedCodesTest, TheFirstElementIsInTheLowBits) {
  const Tensor codes = Tensor::Of<int8_t>({5}, {-8, 7, -1, 0, 3});
  // -8 = 1000, 7 = 0111: 0111'1000. -1 = 1111, 0: 0000'1111. 3 alone: 0000'0011.
  const Tensor packed = PackIntegers(codes, DataType::kInt4);
  EXPECT_EQ(packed.shape(), Shape({5}));
  EXPECT_EQ(packed.size(), 5);
  EXPECT_THAT(Bytes(packed), ElementsAre(0x78, 0x0f, 0x03));
  EXPECT_TRUE(IdenticalTensors(UnpackIntegers(packed), codes));
  EXPECT_THAT(Values(packed), ElementsAre(-8, 7, -1, 0, 3));
}

TEST(PackedCodesTest, TwoBitsPutFourIntoAByte) {
  const Tensor unsigned_codes = Tensor::Of<uint8_t>({5}, {1, 2, 3, 0, 2});
  // 00'11'10'01, then 10.
  EXPECT_THAT(Bytes(PackIntegers(unsigned_codes, DataType::kUint2)), ElementsAre(0x39, 0x02));
  const Tensor signed_codes = Tensor::Of<int8_t>({4}, {-2, -1, 0, 1});
  const Tensor packed = PackIntegers(signed_codes, DataType::kInt2);
  EXPECT_THAT(Bytes(packed), ElementsAre(0x4e));  // 01'00'11'10
  EXPECT_TRUE(IdenticalTensors(UnpackIntegers(packed), signed_codes));
}

TEST(PackedCodesTest, EveryLengthAndEveryCodeComesBackFromAnyStart) {
  for (const DataType type : {DataType::kInt4, DataType::kUint4, DataType::kInt2, DataType::kUint2}) {
    const int levels = 1 << BitsOf(type);
    const bool is_signed = type == DataType::kInt4 || type == DataType::kInt2;
    for (int64_t n = 0; n <= 33; ++n) {
      std::vector<int8_t> codes(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) {
        codes[static_cast<size_t>(i)] = static_cast<int8_t>((i * 5 + n) % levels - (is_signed ? levels / 2 : 0));
      }
      std::vector<uint8_t> bytes(BytesFor(type, n) + 1, 0xcd);
      PackCodes(type, codes.data(), n, bytes.data());
      EXPECT_EQ(bytes.back(), 0xcd);  // Nothing is written behind the end.
      for (int64_t begin = 0; begin <= n; ++begin) {
        std::vector<int8_t> back(static_cast<size_t>(n - begin));
        UnpackCodes(type, bytes.data(), begin, n - begin, back.data());
        ASSERT_THAT(back, ElementsAreArray(codes.begin() + begin, codes.end()));
      }
    }
  }
}

TEST(ConvertTensorTest, FloatsOfEveryWidthGoThereAndBack) {
  const Tensor x = Tensor::Of<float>({5}, {0, -0.5f, 1.5f, 6, -2});  // Exact in all of them.
  for (const DataType type :
       {DataType::kFloat16, DataType::kBfloat16, DataType::kFloat8E4M3FN, DataType::kFloat8E4M3FNUZ,
        DataType::kFloat8E5M2, DataType::kFloat8E5M2FNUZ, DataType::kFloat4E2M1}) {
    ASSERT_OK_AND_ASSIGN(const Tensor narrow, FromFloat32(x, type, Overflow::kSaturate));
    EXPECT_EQ(narrow.dtype(), type);
    EXPECT_EQ(narrow.bytes(), BytesFor(type, 5));
    ASSERT_OK_AND_ASSIGN(const Tensor back, ToFloat32(narrow));
    EXPECT_TRUE(IdenticalTensors(back, x)) << DataTypeName(type);
  }
}

TEST(ConvertTensorTest, Float4IsPackedLikeInt4) {
  ASSERT_OK_AND_ASSIGN(const Tensor packed, FromFloat32(Tensor::Of<float>({3}, {0.5f, -6, 100}),
                                                        DataType::kFloat4E2M1, Overflow::kSpecial));
  // 0.5 = 0001, -6 = 1111: 1111'0001. 100 saturates: 0111.
  EXPECT_THAT(Bytes(packed), ElementsAre(0xf1, 0x07));
}

TEST(ConvertTensorTest, OverflowIsTheCallersChoice) {
  const Tensor x = Tensor::Of<float>({1}, {1000});
  const auto convert = [&](Overflow overflow) {
    return Values(FromFloat32(x, DataType::kFloat8E4M3FN, overflow).value())[0];
  };
  EXPECT_EQ(convert(Overflow::kSaturate), 448);
  EXPECT_TRUE(std::isnan(convert(Overflow::kSpecial)));
}

TEST(ConvertTensorTest, IntegersAndBooleansBecomeFloats) {
  EXPECT_THAT(Values(Tensor::Of<uint16_t>({2}, {0, 65535})), ElementsAre(0, 65535));
  EXPECT_THAT(Values(Tensor::Of<int64_t>({1}, {-3})), ElementsAre(-3));
  EXPECT_THAT(Values(Tensor::Of<double>({1}, {0.1})), ElementsAre(0.1f));
  EXPECT_THAT(Values(Tensor::Of<bool>({2}, {true, false})), ElementsAre(1, 0));
  const Tensor x = Tensor::Of<float>({1}, {3});
  EXPECT_EQ(ToFloat32(x)->raw(), x.raw());  // Nothing to do, nothing copied.
}

TEST(ConvertTensorTest, WhatIsNoNumberIsRefused) {
  EXPECT_THAT(ToFloat32(Tensor()), testing::HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(FromFloat32(Tensor::Of<float>({1}, {1}), DataType::kInt8, Overflow::kSaturate),
              testing::HasReason("UNSUPPORTED_TYPE"));
  EXPECT_THAT(FromFloat32(Tensor::Of<double>({1}, {1}), DataType::kFloat16, Overflow::kSaturate),
              testing::HasReason("UNSUPPORTED_TYPE"));
}

}  // namespace
}  // namespace quantd
