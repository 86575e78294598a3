// The folders of jobs on this worker: made for an attempt, kept for the next one, swept when nobody came back. Not
// thread-safe; several workers may share the parent folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/job/protocol/job_folder.h"
#include "worker/sandbox/start_sandbox.h"

namespace quantd {

// A job's folder, locked against other workers and against sweeping while this lives. Move-only.
class HeldJobFolder {
 public:
  HeldJobFolder(HeldJobFolder&& other) noexcept;
  HeldJobFolder& operator=(HeldJobFolder&&) = delete;
  ~HeldJobFolder();

  const JobFolder& folder() const { return folder_; }

 private:
  friend class JobFolders;
  HeldJobFolder(JobFolder folder, int lock_fd) : folder_(std::move(folder)), lock_fd_(lock_fd) {}
  JobFolder folder_;
  int lock_fd_;
};

class JobFolders {
 public:
  // Folders that no attempt used for `retention` are abandoned. `user` is whom jobs run as. `clock` is borrowed.
  JobFolders(std::string parent, absl::Duration retention, const JobUser& user, const Clock* clock)
      : parent_(std::move(parent)), retention_(retention), user_(user), clock_(clock) {}

  // Creates the parent, such that the jobs' user can reach what is in it.
  absl::Status Prepare() const;

  // The folder `name` with inputs, checkpoints and an empty output. UNAVAILABLE, reason JOB_FOLDER_IN_USE, when
  // another process has held it for ten seconds.
  absl::StatusOr<HeldJobFolder> Open(const std::string& name) const;

  // Lets the jobs' user read the spec and write checkpoints and output. Inputs stay the worker's: they are hard links
  // into its cache.
  absl::Status HandOver(const JobFolder& folder) const;

  // Removes abandoned folders. Returns how many.
  absl::StatusOr<int> Sweep() const;

 private:
  std::string parent_;
  absl::Duration retention_;
  JobUser user_;
  const Clock* clock_;
};

}  // namespace quantd
