// A disk in memory on which everything can go wrong that a FaultPlan says. FaultySqliteVfs and
// FaultyFileSystem put it below the stores. Thread-safe.
//
// The plan hears of "open" (of a file that is created), "write", "truncate", "sync", "remove",
// "rename", "link", "create folder", "remove folder", "sync folder", and of reads. After a crash
// every operation fails with EIO until Restart().
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/faults/disk_image.h"
#include "tests/support/faults/fault_plan.h"

namespace quantd::testing {

class SimulatedDisk {
 public:
  using Node = DiskImage::Node;

  struct Info {
    int64_t size_bytes = 0;
    bool is_folder = false;
    absl::Time modify_time;
  };

  // `plan` is borrowed.
  explicit SimulatedDisk(FaultPlan* plan, DiskImage image = DiskImage())
      : plan_(*plan), image_(std::move(image)) {}

  // The power goes: everything fails from here on.
  void Crash();
  bool crashed() const;
  // Comes up again with what the power failure left. REQUIRES: nothing opened before is used.
  void Restart(uint64_t seed);
  DiskImage image() const;

  // All return 0 or an errno value.

  // ENOENT where there is none and it is not to be created.
  int Open(const std::string& path, bool create, Node* file);
  // A file without a name, which the plan does not hear of.
  Node OpenNameless();
  int Read(Node file, int64_t offset, char* buffer, size_t count, size_t* got);
  // `written` is set with an error, too: what had its place before the disk was full.
  int Write(Node file, int64_t offset, absl::string_view bytes, size_t* written);
  int Truncate(Node file, int64_t size_bytes);
  int Sync(Node file);
  int Stat(Node node, Info* info);

  int Find(const std::string& path, Node* node);
  int Remove(const std::string& path);
  int Rename(const std::string& from, const std::string& to);
  int Link(const std::string& from, const std::string& to);
  int CreateFolder(const std::string& path);
  int RemoveFolder(const std::string& path);
  int List(const std::string& path, std::vector<std::string>* names);
  int SyncFolder(const std::string& path);
  // The plan does not hear of it.
  int SetModifyTime(Node node, absl::Time time);

 private:
  // Does `change` unless the plan says otherwise. Guarded by mutex_, as all below.
  int Change(absl::string_view operation, const std::string& target,
             const std::function<int()>& change);
  int Look(const std::string& target);
  std::string NameOf(Node file) const;

  FaultPlan& plan_;
  mutable std::mutex mutex_;
  DiskImage image_;
  bool crashed_ = false;
  std::map<Node, std::string> names_;  // As they were opened; for the plan's log.
};

}  // namespace quantd::testing
