#include "worker/agent/part_file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::HasReason;
using ::quantd::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PartFile, AppearsWholeOrNotAtAll) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/blob";
  {
    ASSERT_OK_AND_ASSIGN(PartFile part, PartFile::Create(path));
    ASSERT_OK(part.Append("ab"));
    EXPECT_FALSE(FileExists(path));
  }
  EXPECT_THAT(ListFolder(folder.path()), IsOkAndHolds(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(PartFile part, PartFile::Create(path));
  ASSERT_OK(part.Append("ab"));
  ASSERT_OK(part.Append("c"));
  ASSERT_OK(part.Commit());
  EXPECT_THAT(ListFolder(folder.path()), IsOkAndHolds(ElementsAre("blob")));
  EXPECT_THAT(ReadFile(path, 10), IsOkAndHolds("abc"));
}

TEST(PartFile, SweepingTakesWhatNobodyWritesAnyMore) {
  const testing::TemporaryFolder folder;
  ASSERT_OK(WriteFileAtomically(folder.path() + "/left.abcdef.part", "x"));
  ASSERT_OK(WriteFileAtomically(folder.path() + "/whole", "x"));
  ASSERT_OK_AND_ASSIGN(PartFile part, PartFile::Create(folder.path() + "/blob"));
  EXPECT_THAT(SweepPartFiles(folder.path()), IsOkAndHolds(1));
  ASSERT_OK(part.Commit());
  EXPECT_THAT(ListFolder(folder.path()), IsOkAndHolds(ElementsAre("blob", "whole")));
}

TEST(PartFile, AFullDiskIsSaidAndLeavesNothing) {
  const testing::TemporaryFolder folder;
  if (mount("none", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "cannot mount a small file system here";
  }
  {
    auto part = PartFile::Create(folder.path() + "/blob");
    EXPECT_OK(part);
    EXPECT_THAT(part->Append(std::string(1 << 20, 'x')), HasReason("DISK_FULL"));
  }
  EXPECT_THAT(ListFolder(folder.path()), IsOkAndHolds(IsEmpty()));
  umount2(folder.path().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace quantd
