#include "worker/job/checkpoint.h"

#include <optional>

#include "common/check.h"
#include "common/file.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::Eq;

class CheckpointTest : public ::testing::Test {
 protected:
  ~CheckpointTest() override { (void)RemoveAll(folder_); }
  std::string Stored() const { return ReadFile(folder_ + "/stage", 1 << 20).value(); }
  void Store(const std::string& bytes) {
    QUANTD_CHECK(WriteFileAtomically(folder_ + "/stage", bytes).ok());
  }

  const std::string folder_ = MakeTemporaryFolder("quantd-checkpoint").value();
  const std::string content_ = std::string("some\0bytes\n", 11);
  const Checkpoint checkpoint_{folder_, "key"};
};

TEST_F(CheckpointTest, WhatWasSavedIsLoaded) {
  EXPECT_EQ(checkpoint_.Load("stage"), std::nullopt);
  ASSERT_OK(checkpoint_.Save("stage", content_));
  EXPECT_THAT(checkpoint_.Load("stage"), Eq(content_));
  EXPECT_EQ(checkpoint_.Load("other"), std::nullopt);
  ASSERT_OK(checkpoint_.Save("stage", ""));
  EXPECT_THAT(checkpoint_.Load("stage"), Eq(""));
}

TEST_F(CheckpointTest, AnotherJobsIsAsGoodAsNone) {
  ASSERT_OK(checkpoint_.Save("stage", content_));
  for (const char* key : {"", "k", "keys", "yek"}) {
    EXPECT_EQ(Checkpoint(folder_, key).Load("stage"), std::nullopt) << key;
  }
}

TEST_F(CheckpointTest, OneThatIsCutShortIsAsGoodAsNone) {
  ASSERT_OK(checkpoint_.Save("stage", content_));
  const std::string whole = Stored();
  for (size_t size = 0; size < whole.size(); ++size) {
    Store(whole.substr(0, size));
    EXPECT_EQ(checkpoint_.Load("stage"), std::nullopt) << size;
  }
}

TEST_F(CheckpointTest, OneWithAChangedBitIsAsGoodAsNone) {
  ASSERT_OK(checkpoint_.Save("stage", content_));
  const std::string whole = Stored();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Store(changed);
    EXPECT_EQ(checkpoint_.Load("stage"), std::nullopt) << i;
  }
  Store(whole + "more");
  EXPECT_EQ(checkpoint_.Load("stage"), std::nullopt);
}

TEST_F(CheckpointTest, AFolderThatIsMissingIsAnError) {
  EXPECT_FALSE(Checkpoint(folder_ + "/absent", "key").Save("stage", content_).ok());
}

}  // namespace
}  // namespace quantd
