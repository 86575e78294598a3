#include "worker/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/cleanup/cleanup.h"
#include "common/errno_status.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// The distribution's header is older than many kernels: numbers and the layout are those of
// include/uapi/linux/landlock.h in Linux 6.15.
struct RulesetAttributes {
  uint64_t files = 0;
  uint64_t network = 0;  // From version 4.
  uint64_t scoped = 0;   // From version 6.
};

constexpr uint64_t kExecute = 1 << 0;
constexpr uint64_t kWriteFile = 1 << 1;
constexpr uint64_t kReadFile = 1 << 2;
constexpr uint64_t kReadFolder = 1 << 3;
constexpr uint64_t kAllOfVersion1 = (1 << 13) - 1;  // Up to the making of symbolic links.
constexpr uint64_t kRefer = 1 << 13;                // Version 2.
constexpr uint64_t kTruncate = 1 << 14;             // Version 3.
constexpr uint64_t kIoctlDevice = 1 << 15;          // Version 5.
constexpr uint64_t kRemoveFolder = 1 << 4;
constexpr uint64_t kRemoveFile = 1 << 5;
constexpr uint64_t kMakeFolder = 1 << 7;
constexpr uint64_t kMakeFile = 1 << 8;
constexpr uint64_t kTcp = (1 << 0) | (1 << 1);          // Binding and connecting.
constexpr uint64_t kOutsideProcesses = (1 << 0) | (1 << 1);  // Abstract unix sockets, signals.

constexpr uint64_t kRead = kReadFile | kReadFolder;
constexpr uint64_t kWrite = kRead | kWriteFile | kTruncate | kRefer | kRemoveFolder | kRemoveFile | kMakeFolder | kMakeFile;
// The only rights that make sense for what is no folder.
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

RulesetAttributes Handled(long version) {
  RulesetAttributes handled{.files = kAllOfVersion1};
  if (version >= 2) handled.files |= kRefer;
  if (version >= 3) handled.files |= kTruncate;
  if (version >= 4) handled.network = kTcp;
  if (version >= 5) handled.files |= kIoctlDevice;
  if (version >= 6) handled.scoped = kOutsideProcesses;
  return handled;
}

absl::Status Allow(int ruleset, const std::string& path, uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? absl::OkStatus() : ErrnoStatus("open", path);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  if (!S_ISDIR(info.st_mode)) rights &= kOfFiles;
  const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = fd};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return ErrnoStatus("allow access to", path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RestrictFiles(const FileAccess& access) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) {
    return absl::UnimplementedError(errno == EOPNOTSUPP ? "switched off in this kernel"
                                                        : "the kernel has none");
  }
  const RulesetAttributes handled = Handled(version);
  const int ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0));
  if (ruleset < 0) return ErrnoStatus("create", "a Landlock ruleset");
  const auto close_ruleset = absl::MakeCleanup([ruleset] { ::close(ruleset); });
  for (const std::string& path : access.readable) {
    RETURN_IF_ERROR(Allow(ruleset, path, kRead & handled.files));
  }
  for (const std::string& path : access.writable) {
    RETURN_IF_ERROR(Allow(ruleset, path, kWrite & handled.files));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    return ErrnoStatus("enforce", "the Landlock ruleset");
  }
  return absl::OkStatus();
}

}  // namespace quantd
