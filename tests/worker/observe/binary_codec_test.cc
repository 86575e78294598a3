#include "worker/observe/binary_codec.h"

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::IsOk;
using testing::IsOkAndHolds;
using testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(BinaryCodecTest, NumbersComeBack) {
  const std::vector<uint64_t> numbers = {0, 1, 127, 128, 16383, 16384, 1ull << 63, ~0ull};
  BinaryWriter writer;
  for (const uint64_t number : numbers) {
    writer.Unsigned(number);
    writer.Signed(static_cast<int64_t>(number));
  }
  const std::string bytes = writer.Take();
  BinaryReader reader(bytes);
  for (const uint64_t number : numbers) {
    EXPECT_THAT(reader.Unsigned(), IsOkAndHolds(number));
    EXPECT_THAT(reader.Signed(), IsOkAndHolds(static_cast<int64_t>(number)));
  }
  EXPECT_TRUE(reader.rest().empty());
}

TEST(BinaryCodecTest, TheFormIsThatOfProtobuf) {
  // Varints: 300 = 0b10'0101100 -> ac 02. Zigzag: -1 -> 1, 1 -> 2. Floats little-endian.
  BinaryWriter writer;
  writer.Unsigned(300);
  writer.Signed(-1);
  writer.Signed(1);
  writer.Float(1);
  writer.Double(-2);
  writer.Bytes("ab");
  EXPECT_EQ(writer.Take(), std::string("\xac\x02\x01\x02\x00\x00\x80\x3f"
                                       "\x00\x00\x00\x00\x00\x00\x00\xc0\x02"
                                       "ab",
                                       19));
}

TEST(BinaryCodecTest, FloatsKeepEveryBit) {
  const float infinity = std::numeric_limits<float>::infinity();
  BinaryWriter writer;
  for (const float value : {0.0f, -0.0f, 1e-45f, 3.4e38f, -infinity}) {
    writer.Float(value);
    writer.Double(static_cast<double>(value) / 3);
  }
  writer.Float(std::nanf(""));
  const std::string bytes = writer.Take();
  BinaryReader reader(bytes);
  for (const float value : {0.0f, -0.0f, 1e-45f, 3.4e38f, -infinity}) {
    ASSERT_OK_AND_ASSIGN(const float back, reader.Float());
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
    EXPECT_THAT(reader.Double(), IsOkAndHolds(static_cast<double>(value) / 3));
  }
  ASSERT_OK_AND_ASSIGN(const float nan, reader.Float());
  EXPECT_TRUE(std::isnan(nan));
}

TEST(BinaryCodecTest, BytesHoldAnything) {
  const std::string content("\0\xff\n", 3);
  BinaryWriter writer;
  writer.Bytes(content);
  writer.Bytes("");
  const std::string bytes = writer.Take();
  BinaryReader reader(bytes);
  EXPECT_THAT(reader.Bytes(), IsOkAndHolds(absl::string_view(content)));
  EXPECT_THAT(reader.Bytes(), IsOkAndHolds(absl::string_view("")));
}

TEST(BinaryCodecTest, WhatEndsTooEarlyIsRefused) {
  EXPECT_THAT(BinaryReader("").Unsigned(), StatusIs(kInvalid));
  EXPECT_THAT(BinaryReader("\x80").Signed(), StatusIs(kInvalid));
  EXPECT_THAT(BinaryReader("abc").Float(), StatusIs(kInvalid));
  EXPECT_THAT(BinaryReader("abcdefg").Double(), StatusIs(kInvalid));
  EXPECT_THAT(BinaryReader("\x03"
                           "ab")
                  .Bytes(),
              StatusIs(kInvalid));
}

TEST(BinaryCodecTest, NumbersOfMoreThan64BitsAreRefused) {
  EXPECT_THAT(BinaryReader(std::string(10, '\xff')).Unsigned(), StatusIs(kInvalid));
  // Ten bytes hold 70 bits; the tenth may only be 0 or 1.
  EXPECT_THAT(BinaryReader(std::string(9, '\xff') + '\x01').Unsigned(), IsOkAndHolds(~0ull));
  EXPECT_THAT(BinaryReader(std::string(9, '\xff') + '\x02').Unsigned(), StatusIs(kInvalid));
}

}  // namespace
}  // namespace quantd
