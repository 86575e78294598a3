#include "worker/sandbox/memory_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/errno_status.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr char kJobPrefix[] = "quantd-job-";
constexpr char kWorkerGroup[] = "quantd-worker";
constexpr int64_t kTextBytesMax = 64 << 10;

// Files of a cgroup exist already; one of an imitation is created.
absl::StatusOr<int> OpenForWriting(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("open", path);
  return fd;
}

absl::Status Write(const std::string& path, absl::string_view text) {
  ASSIGN_OR_RETURN(const int fd, OpenForWriting(path));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const absl::Status status = written ? absl::OkStatus() : ErrnoStatus("write", path);
  ::close(fd);
  return status;
}

// The path below the mount point: of the line "0::/system.slice/quantd-worker.service".
absl::StatusOr<std::string> OwnGroup(const std::string& membership_file) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(membership_file, kTextBytesMax));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "0::")) return std::string(line == "/" ? "" : line);
  }
  return absl::FailedPreconditionError("this process is in no cgroup v2");
}

bool HasMemoryController(const std::string& folder) {
  const absl::StatusOr<std::string> controllers = ReadFile(folder + "/cgroup.controllers", kTextBytesMax);
  if (!controllers.ok()) return false;
  for (const absl::string_view word : absl::StrSplit(absl::StripSuffix(*controllers, "\n"), ' ')) {
    if (word == "memory") return true;
  }
  return false;
}

}  // namespace

MemoryCgroup::MemoryCgroup(MemoryCgroup&& other) noexcept
    : folder_(std::exchange(other.folder_, "")), procs_fd_(std::exchange(other.procs_fd_, -1)) {}

MemoryCgroup::~MemoryCgroup() {
  if (procs_fd_ >= 0) ::close(procs_fd_);
  if (!folder_.empty()) ::rmdir(folder_.c_str());
}

bool MemoryCgroup::RanOutOfMemory() const {
  const absl::StatusOr<std::string> events = ReadFile(folder_ + "/memory.events", kTextBytesMax);
  if (!events.ok()) return false;
  for (absl::string_view line : absl::StrSplit(*events, '\n')) {
    int64_t count = 0;
    if (absl::ConsumePrefix(&line, "oom_kill ") && absl::SimpleAtoi(line, &count)) return count > 0;
  }
  return false;
}

absl::StatusOr<MemoryCgroups> MemoryCgroups::Open(const std::string& root,
                                                  const std::string& membership_file) {
  ASSIGN_OR_RETURN(const std::string own, OwnGroup(membership_file));
  const std::string folder = root + own;
  if (!HasMemoryController(folder)) {
    return absl::FailedPreconditionError(absl::StrCat(folder, " has no memory controller"));
  }
  const std::string worker = folder + "/" + kWorkerGroup;
  if (::mkdir(worker.c_str(), 0755) != 0 && errno != EEXIST) {
    return absl::FailedPreconditionError(ErrnoStatus("create", worker).message());
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) {
    if (absl::StartsWith(name, kJobPrefix)) ::rmdir((folder + "/" + name).c_str());
  }
  absl::Status status = Write(worker + "/cgroup.procs", absl::StrCat(::getpid()));
  if (status.ok()) status = Write(folder + "/cgroup.subtree_control", "+memory");
  // EBUSY: other processes than this one are in the group, for example the server that embeds this worker.
  if (!status.ok()) {
    Write(folder + "/cgroup.procs", absl::StrCat(::getpid())).IgnoreError();
    ::rmdir(worker.c_str());
    return absl::FailedPreconditionError(status.message());
  }
  return MemoryCgroups(folder);
}

absl::StatusOr<MemoryCgroup> MemoryCgroups::Create(const std::string& name, int64_t bytes) const {
  MemoryCgroup group(absl::StrCat(folder_, "/", kJobPrefix, name));
  if (::mkdir(group.folder_.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoStatus("create", group.folder_);
  }
  RETURN_IF_ERROR(Write(group.folder_ + "/memory.max", absl::StrCat(bytes)));
  // Kernels without swap have no such file.
  Write(group.folder_ + "/memory.swap.max", "0").IgnoreError();
  ASSIGN_OR_RETURN(group.procs_fd_, OpenForWriting(group.folder_ + "/cgroup.procs"));
  return group;
}

}  // namespace quantd
