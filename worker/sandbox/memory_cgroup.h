// Control groups that hold a job to its memory, where the system has handed this worker a part of the cgroup v2 tree
// (systemd: Delegate=memory). RLIMIT_AS bounds addresses; this bounds pages, those of the file cache included, and the
// kernel ends the job alone, not whatever process is largest on the machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace quantd {

// One job's group. Move-only; removes the group at its end, when the job's process has ended. Not thread-safe.
class MemoryCgroup {
 public:
  MemoryCgroup(MemoryCgroup&& other) noexcept;
  MemoryCgroup& operator=(MemoryCgroup&&) = delete;
  ~MemoryCgroup();

  // Where a process writes "0" to enter.
  int procs_fd() const { return procs_fd_; }
  // Whether the kernel killed a process of the group because memory ran out.
  bool RanOutOfMemory() const;

 private:
  friend class MemoryCgroups;
  explicit MemoryCgroup(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  int procs_fd_ = -1;
};

class MemoryCgroups {
 public:
  // Prepares the group of this process, which `membership_file` (/proc/self/cgroup) names below `root`
  // (/sys/fs/cgroup), for children: moves the process into a child of its own, as cgroup v2 wants processes in
  // leaves only, and removes the groups that a killed worker left.
  //
  // Errors: FAILED_PRECONDITION, with the reason in words, where nothing is delegated.
  static absl::StatusOr<MemoryCgroups> Open(const std::string& root, const std::string& membership_file);

  // A group for a job of at most `bytes` of memory and no swap.
  absl::StatusOr<MemoryCgroup> Create(const std::string& name, int64_t bytes) const;

 private:
  explicit MemoryCgroups(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

}  // namespace quantd
