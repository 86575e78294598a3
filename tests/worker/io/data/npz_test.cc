#include "worker/io/data/npz.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/io/data/test_files.h"

namespace quantd {
namespace {

using ::testing::HasSubstr;
using testing::Npy;
using testing::Raw;
using testing::StatusIs;
using testing::TestData;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Le16(uint32_t v) { return {static_cast<char>(v), static_cast<char>(v >> 8)}; }
std::string Le32(uint32_t v) { return Le16(v & 0xffff) + Le16(v >> 16); }
std::string Le64(uint64_t v) {
  return Le32(static_cast<uint32_t>(v)) + Le32(static_cast<uint32_t>(v >> 32));
}

struct MemberSpec {
  std::string name = "x.npy";
  std::string local_name = "x.npy";
  std::string body;
  uint32_t method = 0;
  uint32_t flags = 0;
  uint32_t packed = 0;  // Declared sizes.
  uint32_t bytes = 0;
  uint32_t crc = 0;
  uint32_t offset = 0;
  std::string extra;
};

std::string Body() { return Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "abc"); }

MemberSpec Stored() {
  MemberSpec m;
  m.body = Body();
  m.packed = m.bytes = static_cast<uint32_t>(m.body.size());
  m.crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(m.body.data()), m.packed));
  return m;
}

// APPNOTE.TXT 4.3.7 (local header), 4.3.12 (central header), 4.3.16 (end record).
std::string Local(const MemberSpec& m) {
  return "PK\3\4" + Le16(20) + Le16(m.flags) + Le16(m.method) + Le32(0) + Le32(m.crc) +
         Le32(m.packed) + Le32(m.bytes) + Le16(static_cast<uint32_t>(m.local_name.size())) +
         Le16(0) + m.local_name + m.body;
}
std::string Central(const MemberSpec& m) {
  return "PK\1\2" + Le16(20) + Le16(20) + Le16(m.flags) + Le16(m.method) + Le32(0) + Le32(m.crc) +
         Le32(m.packed) + Le32(m.bytes) + Le16(static_cast<uint32_t>(m.name.size())) +
         Le16(static_cast<uint32_t>(m.extra.size())) + Le16(0) + Le16(0) + Le16(0) + Le32(0) +
         Le32(m.offset) + m.name + m.extra;
}
std::string End(uint32_t count, size_t bytes, size_t offset) {
  return "PK\5\6" + Le32(0) + Le16(count) + Le16(count) + Le32(static_cast<uint32_t>(bytes)) +
         Le32(static_cast<uint32_t>(offset)) + Le16(0);
}
std::string Zip(const MemberSpec& m) {
  const std::string local = Local(m), central = Central(m);
  return local + central + End(1, central.size(), local.size());
}

TEST(NpzTest, ReadsWhatNumPyStoresAndDeflates) {
  for (const char* file : {"arrays/stored.npz", "arrays/deflated.npz"}) {
    ASSERT_OK_AND_ASSIGN(const auto arrays, ParseNpz(TestData(file)));
    ASSERT_EQ(arrays.size(), 2u);
    EXPECT_TRUE(IdenticalTensors(arrays.at("x"), Tensor::Of<float>({2, 3}, {0, 1, 2, 3, 4, 5})));
    EXPECT_TRUE(IdenticalTensors(arrays.at("y"), Tensor::Of<int64_t>({2}, {1, 0})));
  }
}

TEST(NpzTest, EveryTruncationAndExtraByteIsAnError) {
  for (const char* file : {"arrays/stored.npz", "arrays/deflated.npz"}) {
    const std::string whole = TestData(file);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_THAT(ParseNpz(absl::string_view(cut.data(), cut.size())), StatusIs(kInvalid)) << size;
    }
    EXPECT_THAT(ParseNpz(whole + "x"), StatusIs(kInvalid));
  }
}

TEST(NpzTest, AnyFlippedBitOfTheContentFailsTheChecksum) {
  std::string zip = Zip(Stored());
  ASSERT_OK(ParseNpz(zip));
  zip[30 + 5 + Body().size() - 1] ^= 1;  // The last data byte: local header 30, name 5.
  EXPECT_THAT(ParseNpz(zip), StatusIs(kInvalid, HasSubstr("checksum")));
}

TEST(NpzTest, DeclaredSizesOfTwoToThe64MinusOneAreErrors) {
  MemberSpec m = Stored();
  m.bytes = m.packed = 0xffffffff;
  m.extra = Le16(1) + Le16(16) + Le64(~uint64_t{0}) + Le64(~uint64_t{0});
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("more than")));
  m.bytes = Stored().bytes;
  m.extra = Le16(1) + Le16(8) + Le64(~uint64_t{0});
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("outside")));
  m.extra = Le16(1) + Le16(4) + Le32(0);
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("zip64")));
  m.extra = "";
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("zip64")));
}

TEST(NpzTest, AMemberOutsideTheFileIsAnError) {
  for (const uint32_t offset : {1u, 1000u, 0xfffffffeu}) {
    MemberSpec m = Stored();
    m.offset = offset;
    EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("outside"))) << offset;
  }
  MemberSpec m = Stored();
  m.packed = m.bytes = m.packed + 1;  // Would read into the directory.
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("outside")));
}

TEST(NpzTest, ADeflatedMemberCannotClaimMoreThanDeflateCanExpand) {
  MemberSpec m = Stored();
  m.method = 8;
  m.bytes = 1 << 20;  // From 131 bytes; DEFLATE reaches 1032 times at most.
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("cannot hold")));
}

TEST(NpzTest, OverlappingMembersAreRefused) {
  const MemberSpec m = Stored();
  MemberSpec again = m;
  again.name = "x.npy";
  const std::string local = Local(m), central = Central(m) + Central(again);
  EXPECT_THAT(ParseNpz(local + central + End(2, central.size(), local.size())),
              StatusIs(kInvalid, HasSubstr("overlap")));
}

TEST(NpzTest, RepeatedKeysAreRefused) {
  const MemberSpec first = Stored();
  MemberSpec second = Stored();
  second.offset = static_cast<uint32_t>(Local(first).size());
  const std::string local = Local(first) + Local(second),
                    central = Central(first) + Central(second);
  EXPECT_THAT(ParseNpz(local + central + End(2, central.size(), local.size())),
              StatusIs(kInvalid, HasSubstr("twice")));
}

TEST(NpzTest, OtherMembersMethodsNamesAndEncryptionAreRefused) {
  MemberSpec m = Stored();
  m.name = m.local_name = "x.txt";
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("not an .npy")));
  m = Stored();
  m.method = 12;  // bzip2
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("compression")));
  m = Stored();
  m.flags = 1;
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("encrypted")));
  m = Stored();
  m.local_name = "y.npy";
  EXPECT_THAT(ParseNpz(Zip(m)), StatusIs(kInvalid, HasSubstr("two names")));
}

TEST(NpzTest, ADirectoryThatDoesNotMatchItsEndRecordIsAnError) {
  const MemberSpec m = Stored();
  const std::string local = Local(m), central = Central(m);
  const auto zip = [&](uint32_t count, size_t bytes, size_t offset) {
    return ParseNpz(local + central + End(count, bytes, offset));
  };
  EXPECT_OK(zip(1, central.size(), local.size()));
  EXPECT_THAT(zip(2, central.size(), local.size()), StatusIs(kInvalid));
  EXPECT_THAT(zip(0, central.size(), local.size()), StatusIs(kInvalid));
  EXPECT_THAT(zip(65535, central.size(), local.size()), StatusIs(kInvalid, HasSubstr("members")));
  EXPECT_THAT(zip(1, 0xffffffff, local.size()), StatusIs(kInvalid));
  EXPECT_THAT(zip(1, central.size(), 0xffffffff), StatusIs(kInvalid));
}

}  // namespace
}  // namespace quantd
