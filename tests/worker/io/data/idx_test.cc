#include "worker/io/data/idx.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"
#include "worker/io/data/inflate.h"

namespace quantd {
namespace {

using testing::Bytes;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Gzip(const std::string& content) {
  z_stream stream = {};
  QUANTD_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  QUANTD_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Magic 0 0, type 8 (uint8), 2 axes; extents 2 and 3; six bytes.
const std::string kSmall = Bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 13, 14, 15});

TEST(IdxTest, ReadsPlainAndGzip) {
  const Tensor expected = Tensor::Of<uint8_t>({2, 3}, {10, 11, 12, 13, 14, 15});
  ASSERT_OK_AND_ASSIGN(const Tensor plain, ParseIdx(kSmall));
  ASSERT_OK_AND_ASSIGN(const Tensor gzip, ParseIdx(Gzip(kSmall)));
  EXPECT_TRUE(IdenticalTensors(plain, expected));
  EXPECT_TRUE(IdenticalTensors(gzip, expected));
}

TEST(IdxTest, WiderElementsAreBigEndian) {
  // int16 {258, -2} = 01 02, ff fe; float32 1.0 = 3f 80 00 00.
  ASSERT_OK_AND_ASSIGN(const Tensor shorts,
                       ParseIdx(Bytes({0, 0, 11, 1, 0, 0, 0, 2, 1, 2, 255, 254})));
  EXPECT_TRUE(IdenticalTensors(shorts, Tensor::Of<int16_t>({2}, {258, -2})));
  ASSERT_OK_AND_ASSIGN(const Tensor floats,
                       ParseIdx(Bytes({0, 0, 13, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0})));
  EXPECT_TRUE(IdenticalTensors(floats, Tensor::Of<float>({1}, {1.0f})));
}

TEST(IdxTest, EveryTruncationAndExtraByteIsAnError) {
  for (const std::string& whole : {kSmall, Gzip(kSmall)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_THAT(ParseIdx(absl::string_view(cut.data(), cut.size())), StatusIs(kInvalid)) << size;
    }
    EXPECT_THAT(ParseIdx(whole + "x"), StatusIs(kInvalid));
  }
  EXPECT_THAT(ParseIdx(Gzip(kSmall + "x")),
              StatusIs(kInvalid, HasSubstr("more than the 18 bytes")));
  EXPECT_THAT(ParseIdx(Gzip(kSmall.substr(0, 17))), StatusIs(kInvalid, HasSubstr("but 5 follow")));
}

TEST(IdxTest, HostileHeadersAreErrors) {
  EXPECT_THAT(ParseIdx(Bytes({1, 0, 8, 1, 0, 0, 0, 0})),
              StatusIs(kInvalid, HasSubstr("magic number 01000801")));
  EXPECT_THAT(ParseIdx(Bytes({0, 0, 10, 1, 0, 0, 0, 0})), StatusIs(kInvalid));  // Type 10 is none.
  EXPECT_THAT(ParseIdx(Bytes({0, 0, 8, 0})), StatusIs(kInvalid));               // No axis.
  EXPECT_THAT(ParseIdx(Bytes({0, 0, 8, 255})), StatusIs(kInvalid));             // 255 axes.
  // Eight axes of 2^32 - 1: the product overflows 64 bits.
  EXPECT_THAT(ParseIdx(Bytes({0, 0, 8, 8}) + std::string(32, '\xff')),
              StatusIs(kInvalid, HasSubstr("elements")));
  // 2^32 - 1 doubles are 32 GiB, above the bound of an array.
  EXPECT_THAT(ParseIdx(Bytes({0, 0, 14, 1, 255, 255, 255, 255})),
              StatusIs(kInvalid, HasSubstr("elements")));
}

TEST(IdxTest, AGzipBombStopsAtWhatItsOwnHeaderDeclares) {
  // 64 MiB of zeros behind a header that declares six bytes: refused after 18 bytes.
  const std::string bomb = Gzip(kSmall.substr(0, 12) + std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), size_t{100000});
  EXPECT_THAT(ParseIdx(bomb), StatusIs(kInvalid, HasSubstr("more than the 18 bytes")));
}

TEST(InflateTest, OutputNeverExceedsTheBound) {
  const std::string gzip = Gzip(std::string(1000, 'a'));
  EXPECT_THAT(Gunzip(gzip, 1000), testing::IsOkAndHolds(std::string(1000, 'a')));
  EXPECT_THAT(Gunzip(gzip, 999), StatusIs(kInvalid));
  EXPECT_THAT(Gunzip(gzip, 0), StatusIs(kInvalid));
  EXPECT_THAT(GunzipPrefix(gzip, 7), testing::IsOkAndHolds(std::string(7, 'a')));
}

}  // namespace
}  // namespace quantd
