// The model of a disk is what the crash tests stand on: what it keeps and what it may lose.
#include "tests/support/faults/disk_image.h"

#include <set>

#include "gtest/gtest.h"

namespace quantd::testing {
namespace {

constexpr uint64_t kSeeds = 60;

class DiskImageTest : public ::testing::Test {
 protected:
  // A file of this name in the root, whose content and name are durable.
  DiskImage::Node DurableFile(const std::string& name, const std::string& content) {
    const DiskImage::Node file = disk_.Create(/*is_folder=*/false);
    disk_.Link(DiskImage::kRoot, name, file);
    disk_.Write(file, 0, content);
    disk_.Sync(file);
    disk_.SyncFolder(DiskImage::kRoot);
    return file;
  }

  // The contents of `path` that power failures leave; "-" where it is not there.
  std::set<std::string> AfterCrashes(const std::string& path) const {
    std::set<std::string> contents;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      DiskImage disk = disk_;
      disk.Crash(Random(seed));
      const auto node = disk.Find(path);
      contents.insert(node ? disk.content(*node) : "-");
    }
    return contents;
  }

  DiskImage disk_;
};

using Contents = std::set<std::string>;

TEST_F(DiskImageTest, WhatWasSyncedStays) {
  DurableFile("a", "synced");
  EXPECT_EQ(AfterCrashes("/a"), Contents{"synced"});
}

TEST_F(DiskImageTest, AFileWhoseFolderWasNotSyncedMayBeGone) {
  const DiskImage::Node file = disk_.Create(/*is_folder=*/false);
  disk_.Link(DiskImage::kRoot, "a", file);
  disk_.Write(file, 0, "x");
  disk_.Sync(file);
  EXPECT_EQ(AfterCrashes("/a"), (Contents{"-", "x"}));
}

TEST_F(DiskImageTest, UnsyncedWritesAreLostKeptOrReordered) {
  const DiskImage::Node file = DurableFile("a", "..");
  disk_.Write(file, 0, "1");
  disk_.Write(file, 1, "2");
  EXPECT_EQ(disk_.content(file), "12");
  EXPECT_EQ(AfterCrashes("/a"), (Contents{"..", "1.", ".2", "12"}));
}

TEST_F(DiskImageTest, WritesAreTornBetweenSectorsOnly) {
  const std::string old_sectors(2 * DiskImage::kSectorBytes, 'o');
  const DiskImage::Node file = DurableFile("a", old_sectors);
  disk_.Write(file, 0, std::string(2 * DiskImage::kSectorBytes, 'n'));
  const Contents contents = AfterCrashes("/a");
  EXPECT_EQ(contents.size(), 4u);  // Each of the two sectors is old or new.
  for (const std::string& content : contents) {
    for (size_t i = 1; i < content.size(); ++i) {
      if (i != DiskImage::kSectorBytes) {
        EXPECT_EQ(content[i], content[i - 1]);
      }
    }
  }
}

TEST_F(DiskImageTest, ARenameNeverLosesTheFile) {
  DurableFile("a", "x");
  disk_.Rename(DiskImage::kRoot, "a", DiskImage::kRoot, "b");
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    DiskImage disk = disk_;
    disk.Crash(Random(seed));
    EXPECT_NE(disk.Find("/a").has_value(), disk.Find("/b").has_value());
  }
}

TEST_F(DiskImageTest, ARenameIsDurableOnceItsFolderIsSynced) {
  const DiskImage::Node folder = disk_.Create(/*is_folder=*/true);
  disk_.Link(DiskImage::kRoot, "f", folder);
  DurableFile("a", "x");
  disk_.Rename(DiskImage::kRoot, "a", folder, "b");
  disk_.SyncFolder(folder);
  EXPECT_EQ(AfterCrashes("/f/b"), Contents{"x"});
  // The old name's folder was not synced.
  EXPECT_EQ(AfterCrashes("/a"), (Contents{"-", "x"}));
}

TEST_F(DiskImageTest, WhatAFailedSyncHasDroppedStaysLost) {
  const DiskImage::Node file = DurableFile("a", "..");
  disk_.Write(file, 0, "1");
  disk_.Write(file, 1, "2");
  Contents contents;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    DiskImage disk = disk_;
    disk.FailSync(file, Random(seed));
    EXPECT_EQ(disk.content(file), "12");
    disk.Sync(file);
    disk.Crash(Random(0));
    contents.insert(disk.content(file));
  }
  EXPECT_EQ(contents, (Contents{"..", "1.", ".2", "12"}));
}

TEST_F(DiskImageTest, EqualSeedsLeaveEqualDisks) {
  const DiskImage::Node file = DurableFile("a", "");
  for (int i = 0; i < 20; ++i) disk_.Write(file, i * 700, std::string(700, 'x'));
  DiskImage one = disk_, two = disk_;
  one.Crash(Random(5));
  two.Crash(Random(5));
  EXPECT_EQ(one.content(file), two.content(file));
}

}  // namespace
}  // namespace quantd::testing
