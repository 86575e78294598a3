// Against a folder that imitates a cgroup v2 tree: what is written where. The kernel's part is the kernel's.
#include "worker/sandbox/memory_cgroup.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"
#include "tests/worker/sandbox/deed_process.h"

namespace quantd {
namespace {

using ::quantd::testing::IsOkAndHolds;
using ::quantd::testing::StatusIs;
using ::testing::HasSubstr;

class MemoryCgroupTest : public ::testing::Test {
 protected:
  MemoryCgroupTest() {
    EXPECT_OK(CreateFolders(root_ + "/system.slice/worker"));
    Write("/system.slice/worker/cgroup.controllers", "cpu memory pids\n");
    Write("/self", "4:memory:/legacy\n0::/system.slice/worker\n");
  }

  void Write(const std::string& path, const std::string& text) { EXPECT_OK(WriteFileAtomically(root_ + path, text)); }
  absl::StatusOr<std::string> Read(const std::string& path) { return ReadFile(root_ + path, 1000); }
  absl::StatusOr<MemoryCgroups> Open() { return MemoryCgroups::Open(root_, root_ + "/self"); }

  testing::TemporaryFolder folder_;
  std::string root_ = folder_.path();
};

TEST_F(MemoryCgroupTest, MakesRoomForJobsBesideTheWorkersOwnGroup) {
  ASSERT_OK(CreateFolders(root_ + "/system.slice/worker/quantd-job-left"));
  ASSERT_OK(Open());
  EXPECT_THAT(Read("/system.slice/worker/quantd-worker/cgroup.procs"), IsOkAndHolds(absl::StrCat(getpid())));
  EXPECT_THAT(Read("/system.slice/worker/cgroup.subtree_control"), IsOkAndHolds("+memory"));
  EXPECT_FALSE(FileExists(root_ + "/system.slice/worker/quantd-job-left"));
}

TEST_F(MemoryCgroupTest, AJobEntersItsGroupWithItsLimit) {
  ASSERT_OK_AND_ASSIGN(const MemoryCgroups groups, Open());
  ASSERT_OK_AND_ASSIGN(const MemoryCgroup group, groups.Create("7", 1 << 30));
  const std::string path = "/system.slice/worker/quantd-job-7";
  EXPECT_THAT(Read(path + "/memory.max"), IsOkAndHolds("1073741824"));
  EXPECT_THAT(Read(path + "/memory.swap.max"), IsOkAndHolds("0"));
  const StartSandbox sandbox{.cgroup_procs_fd = group.procs_fd()};
  EXPECT_THAT(testing::TryAfterStart("threads", "", sandbox).report.applied, ::testing::Contains("memory_cgroup"));
  EXPECT_THAT(Read(path + "/cgroup.procs"), IsOkAndHolds("0"));
}

TEST_F(MemoryCgroupTest, AKillForLackOfMemoryIsToldFromOthers) {
  ASSERT_OK_AND_ASSIGN(const MemoryCgroups groups, Open());
  ASSERT_OK_AND_ASSIGN(const MemoryCgroup group, groups.Create("7", 1 << 30));
  EXPECT_FALSE(group.RanOutOfMemory());
  Write("/system.slice/worker/quantd-job-7/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 0\n");
  EXPECT_FALSE(group.RanOutOfMemory());
  Write("/system.slice/worker/quantd-job-7/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n");
  EXPECT_TRUE(group.RanOutOfMemory());
}

TEST_F(MemoryCgroupTest, AnEmptyGroupGoesWithTheJob) {
  ASSERT_OK_AND_ASSIGN(const MemoryCgroups groups, Open());
  const std::string path = root_ + "/system.slice/worker/quantd-job-7";
  {
    ASSERT_OK_AND_ASSIGN(const MemoryCgroup group, groups.Create("7", 1 << 30));
    // The kernel's files vanish with a group; these do not.
    for (const char* file : {"/memory.max", "/memory.swap.max", "/cgroup.procs"}) ::unlink((path + file).c_str());
    EXPECT_TRUE(FileExists(path));
  }
  EXPECT_FALSE(FileExists(path));
}

TEST_F(MemoryCgroupTest, WithoutTheControllerNothingIsDelegated) {
  Write("/system.slice/worker/cgroup.controllers", "cpu pids\n");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no memory controller")));
  Write("/self", "4:memory:/legacy\n");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no cgroup v2")));
}

}  // namespace
}  // namespace quantd
