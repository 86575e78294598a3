#include "common/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

// Folders in each other, each with a file and an empty folder.
void Nest(const std::string& path, int levels) {
  int parent = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_GE(parent, 0);
  for (int level = 0; level < levels; ++level) {
    ASSERT_EQ(::mkdirat(parent, "in", 0700), 0);
    // One of the names that a removal could choose itself.
    const int file = ::openat(parent, absl::StrCat("removed-", level % 7).c_str(), O_CREAT | O_WRONLY, 0600);
    ASSERT_GE(file, 0);
    ::close(file);
    const int child = ::openat(parent, "in", O_RDONLY | O_DIRECTORY);
    ASSERT_GE(child, 0);
    ::close(parent);
    parent = child;
  }
  ::close(parent);
}

TEST(RemoveAll, ADeepTreeNeedsFewDescriptors) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/tree";
  ASSERT_OK(CreateFolders(path));
  Nest(path, 500);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const absl::Status removed = RemoveAll(path);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_OK(removed);
  EXPECT_FALSE(FileExists(path));
}

TEST(RemoveAll, TakesFilesAndLinksButNotWhatLinksLeadTo) {
  const testing::TemporaryFolder folder;
  ASSERT_OK(CreateFolders(folder.path() + "/kept/inside"));
  ASSERT_OK(CreateFolders(folder.path() + "/gone/a/b"));
  ASSERT_OK(CreateFolders(folder.path() + "/gone/a/c/d"));
  ASSERT_EQ(::symlink("../../kept", (folder.path() + "/gone/a/link").c_str()), 0);
  ASSERT_EQ(::symlink("kept", (folder.path() + "/link").c_str()), 0);
  EXPECT_OK(RemoveAll(folder.path() + "/gone"));
  EXPECT_OK(RemoveAll(folder.path() + "/link"));
  EXPECT_OK(RemoveAll(folder.path() + "/never"));
  EXPECT_FALSE(FileExists(folder.path() + "/gone"));
  EXPECT_FALSE(FileExists(folder.path() + "/link"));
  EXPECT_TRUE(FileExists(folder.path() + "/kept/inside"));
}

TEST(RemoveAll, AFolderWithoutRightsGoesToo) {
  const testing::TemporaryFolder folder;
  ASSERT_OK(CreateFolders(folder.path() + "/a/b/c"));
  ASSERT_EQ(::chmod((folder.path() + "/a/b").c_str(), 0), 0);
  EXPECT_OK(RemoveAll(folder.path() + "/a"));
  EXPECT_FALSE(FileExists(folder.path() + "/a"));
}

}  // namespace
}  // namespace quantd
