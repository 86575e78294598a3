#include "worker/agent/job_folders.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// An attempt that lost its lease ends its process within a second; its folder is free then.
constexpr int kLockAttempts = 100;
constexpr std::chrono::milliseconds kLockInterval(100);

// Passing through, not looking around: names of jobs are the worker's business.
constexpr mode_t kPassable = 0711;
// A job makes one level of folders in its own, at most two.
constexpr int kLevelsMax = 16;

absl::Status Lock(int fd, const std::string& path) {
  for (int i = 0; i < kLockAttempts; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
    if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus("lock", path);
    std::this_thread::sleep_for(kLockInterval);
  }
  return MakeError(absl::StatusCode::kUnavailable, "JOB_FOLDER_IN_USE",
                   absl::StrCat(path, " is used by another process"));
}

absl::Status Give(const std::string& path, const JobUser& user) {
  if (::lchown(path.c_str(), user.uid, user.gid) != 0) return ErrnoStatus("change the owner of", path);
  return absl::OkStatus();
}

absl::Status GiveTree(const std::string& path, const JobUser& user) {
  RETURN_IF_ERROR(Give(path, user));
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    // Each level holds a descriptor, and the last attempt may have made as many as it liked.
    if (entry.depth() > kLevelsMax) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "FOLDER_TOO_DEEP",
                       absl::StrCat(path, " has more than ", kLevelsMax, " levels of folders"));
    }
    RETURN_IF_ERROR(Give(entry->path().string(), user));
  }
  if (!error) return absl::OkStatus();
  errno = error.value();
  return ErrnoStatus("list", path);
}

absl::Status SetMode(const std::string& path, mode_t mode) {
  return ::chmod(path.c_str(), mode) == 0 ? absl::OkStatus() : ErrnoStatus("set the mode of", path);
}

}  // namespace

HeldJobFolder::HeldJobFolder(HeldJobFolder&& other) noexcept
    : folder_(std::move(other.folder_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

HeldJobFolder::~HeldJobFolder() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

absl::Status JobFolders::Prepare() const {
  RETURN_IF_ERROR(CreateFolders(parent_));
  if (!user_.set) return absl::OkStatus();
  const std::string data_folder = std::filesystem::path(parent_).parent_path().string();
  if (!data_folder.empty()) RETURN_IF_ERROR(SetMode(data_folder, kPassable));
  return SetMode(parent_, kPassable);
}

absl::StatusOr<HeldJobFolder> JobFolders::Open(const std::string& name) const {
  const JobFolder folder{parent_ + "/" + name};
  RETURN_IF_ERROR(CreateFolders(folder.path));
  const int fd = ::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open", folder.path);
  HeldJobFolder held(folder, fd);
  RETURN_IF_ERROR(Lock(fd, folder.path));
  // The folder's own time says when it was used last.
  const timespec now = absl::ToTimespec(clock_->Now());
  const timespec times[2] = {now, now};
  RETURN_IF_ERROR(RemoveAll(folder.OutputFolder()));
  RETURN_IF_ERROR(CreateFolders(folder.InputsFolder()));
  RETURN_IF_ERROR(CreateFolders(folder.CheckpointFolder()));
  RETURN_IF_ERROR(CreateFolders(folder.OutputFilesFolder()));
  if (::futimens(fd, times) != 0) return ErrnoStatus("set the time of", folder.path);
  return held;
}

absl::Status JobFolders::HandOver(const JobFolder& folder) const {
  if (!user_.set) return absl::OkStatus();
  RETURN_IF_ERROR(SetMode(folder.path, kPassable));
  RETURN_IF_ERROR(SetMode(folder.InputsFolder(), kPassable));
  if (FileExists(folder.SpecFile())) RETURN_IF_ERROR(Give(folder.SpecFile(), user_));
  RETURN_IF_ERROR(GiveTree(folder.CheckpointFolder(), user_));
  return GiveTree(folder.OutputFolder(), user_);
}

absl::StatusOr<int> JobFolders::Sweep() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(parent_));
  int removed = 0;
  absl::Status first_error;
  for (const std::string& name : names) {
    const std::string path = parent_ + "/" + name;
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) continue;
    const HeldJobFolder closes_it({path}, fd);
    struct stat info;
    if (::fstat(fd, &info) != 0 || clock_->Now() - absl::TimeFromTimespec(info.st_mtim) < retention_ ||
        ::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      continue;
    }
    // One that cannot be removed must not keep the others.
    const absl::Status status = RemoveAll(path);
    if (status.ok()) ++removed;
    first_error.Update(status);
  }
  if (!first_error.ok()) return first_error;
  return removed;
}

}  // namespace quantd
