#include "server/auth/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/memory/memory.h"
#include "absl/strings/string_view.h"
#include "common/errno_status.h"
#include "common/secrets.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Names come from callers; a line stays below what a pipe or a terminal takes at once.
constexpr size_t kTextBytesMax = 256;
constexpr size_t kResourcesMax = 4;

// What a caller typed for a name may be a secret.
std::string Cut(const std::string& text) {
  return WithoutSecrets(text.substr(0, kTextBytesMax));
}

std::string LineOf(const AuditEntry& entry, int64_t sequence) {
  nlohmann::ordered_json json = {
      {"time", absl::FormatTime(absl::RFC3339_full, entry.time, absl::UTCTimeZone())},
      {"sequence", sequence},
      {"caller", entry.caller},
      {"peer", entry.peer},
      {"method", entry.method},
      {"resources", nlohmann::ordered_json::array()},
      {"code", entry.code},
      {"reason", entry.reason}};
  for (size_t i = 0; i < entry.resources.size() && i < kResourcesMax; ++i) {
    json["resources"].push_back(Cut(entry.resources[i]));
  }
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// Half a line would join the one that is appended to it.
absl::Status EndLine(int fd, const std::string& path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  if (info.st_size == 0) return absl::OkStatus();
  char last = 0;
  if (::pread(fd, &last, 1, info.st_size - 1) != 1) return ErrnoStatus("read", path);
  if (last == '\n' || ::write(fd, "\n", 1) == 1) return absl::OkStatus();
  return ErrnoStatus("write", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& path) {
  auto log = absl::WrapUnique(new AuditLog(path));
  RETURN_IF_ERROR(log->OpenFile());
  return log;
}

AuditLog::~AuditLog() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status AuditLog::OpenFile() {
  const int fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus("open", path_);
  if (const absl::Status ended = EndLine(fd, path_); !ended.ok()) {
    ::close(fd);
    return ended;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  return absl::OkStatus();
}

absl::Status AuditLog::Append(const AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  const std::string line = LineOf(entry, sequence_ + 1);
  struct stat before;
  if (::fstat(fd_, &before) != 0) return ErrnoStatus("stat", path_);
  absl::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const absl::Status status = ErrnoStatus("write", path_);
      // Half a line would join the next one. What was there before stays as it is.
      if (rest.size() < line.size() && ::ftruncate(fd_, before.st_size) != 0) {
        return ErrnoStatus("take back half a line of", path_);
      }
      return status;
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  ++sequence_;
  unsynced_ = true;
  return absl::OkStatus();
}

absl::Status AuditLog::Sync() {
  const std::lock_guard lock(mutex_);
  return SyncFile();
}

absl::Status AuditLog::SyncFile() {
  if (!unsynced_) return absl::OkStatus();
  if (::fdatasync(fd_) != 0) return ErrnoStatus("sync", path_);
  unsynced_ = false;
  return absl::OkStatus();
}

absl::Status AuditLog::Reopen() {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(SyncFile());
  return OpenFile();
}

}  // namespace quantd
