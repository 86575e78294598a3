#include "common/digest.h"

#include "common/file.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

// FIPS 180-4 examples: "abc" and the empty message.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Sha256, MatchesThePublishedExamples) {
  EXPECT_EQ(Sha256Hex("abc"), kAbc);
  EXPECT_EQ(Sha256Hex(""), kEmpty);
}

TEST(Sha256, StreamsInAnyPieces) {
  Sha256 sha;
  sha.Update("a");
  sha.Update("");
  sha.Update("bc");
  EXPECT_EQ(sha.HexDigest(), kAbc);
}

TEST(Sha256, ReadsFilesAndNamesAMissingOne) {
  ASSERT_OK_AND_ASSIGN(const std::string folder, MakeTemporaryFolder("quantd_test_"));
  ASSERT_OK(WriteFileAtomically(folder + "/f", "abc"));
  EXPECT_THAT(Sha256HexOfFile(folder + "/f"), testing::IsOkAndHolds(std::string(kAbc)));
  EXPECT_THAT(Sha256HexOfFile(folder + "/none"),
              testing::StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("/none")));
  ASSERT_OK(RemoveAll(folder));
}

TEST(Sha256, KnowsItsOwnSpelling) {
  EXPECT_TRUE(IsSha256Hex(kAbc));
  EXPECT_FALSE(IsSha256Hex("abc"));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'G')));
}

}  // namespace
}  // namespace quantd
