#include "worker/agent/job_folders.h"

#include <sys/stat.h>

#include <optional>

#include "common/file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::IsOkAndHolds;

class JobFoldersTest : public ::testing::Test {
 protected:
  JobFoldersTest() { EXPECT_OK(folders_.Prepare()); }

  std::string PathOf(const std::string& name) const { return temporary_.path() + "/data/jobs/" + name; }

  testing::TemporaryFolder temporary_;
  testing::FakeClock clock_;
  JobFolders folders_{temporary_.path() + "/data/jobs", absl::Hours(24), JobUser(), &clock_};
};

TEST_F(JobFoldersTest, AnAttemptFindsTheCheckpointsOfTheLastOneButNotItsOutput) {
  {
    const auto held = folders_.Open("t.j");
    ASSERT_OK(held);
    ASSERT_OK(WriteFileAtomically(held->folder().CheckpointFolder() + "/stage", "x"));
    ASSERT_OK(WriteFileAtomically(held->folder().StatusFile(), "x"));
  }
  const auto held = folders_.Open("t.j");
  ASSERT_OK(held);
  EXPECT_TRUE(FileExists(held->folder().CheckpointFolder() + "/stage"));
  EXPECT_FALSE(FileExists(held->folder().StatusFile()));
  EXPECT_TRUE(FileExists(held->folder().OutputFilesFolder()));
}

TEST_F(JobFoldersTest, AFolderIsSweptWhenNobodyUsedItForTheRetention) {
  ASSERT_OK(folders_.Open("t.old"));
  clock_.Advance(absl::Hours(23));
  ASSERT_OK(folders_.Open("t.new"));
  EXPECT_THAT(folders_.Sweep(), IsOkAndHolds(0));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(folders_.Sweep(), IsOkAndHolds(1));
  EXPECT_FALSE(FileExists(PathOf("t.old")));
  EXPECT_TRUE(FileExists(PathOf("t.new")));
}

TEST_F(JobFoldersTest, ARunningJobsFolderStaysHoweverOldItIs) {
  auto held = std::make_optional(folders_.Open("t.j").value());
  clock_.Advance(absl::Hours(1000));
  EXPECT_THAT(folders_.Sweep(), IsOkAndHolds(0));
  held.reset();
  EXPECT_THAT(folders_.Sweep(), IsOkAndHolds(1));
}

TEST_F(JobFoldersTest, TheJobsUserOwnsWhatItWritesAndNothingElse) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const JobUser user{.set = true, .uid = 12345, .gid = 12346};
  const JobFolders folders(temporary_.path() + "/data/jobs", absl::Hours(24), user, &clock_);
  ASSERT_OK(folders.Prepare());
  const auto held = folders.Open("t.j");
  ASSERT_OK(held);
  const JobFolder& folder = held->folder();
  ASSERT_OK(WriteFileAtomically(folder.SpecFile(), "spec"));
  ASSERT_OK(WriteFileAtomically(folder.InputFile("d"), "model"));
  ASSERT_OK(folders.HandOver(folder));
  const auto owner = [](const std::string& path) {
    struct stat info;
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_uid;
  };
  for (const std::string& path : {folder.SpecFile(), folder.CheckpointFolder(), folder.OutputFolder(),
                                  folder.OutputFilesFolder()}) {
    EXPECT_EQ(owner(path), user.uid) << path;
  }
  for (const std::string& path : {folder.path, folder.InputsFolder(), folder.InputFile("d")}) {
    EXPECT_EQ(owner(path), 0u) << path;
  }
}

}  // namespace
}  // namespace quantd
