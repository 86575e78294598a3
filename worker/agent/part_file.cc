#include "worker/agent/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr char kSuffix[] = ".part";

}  // namespace

absl::StatusOr<PartFile> PartFile::Create(const std::string& path) {
  PartFile file;
  file.path_ = path;
  std::string part = absl::StrCat(path, ".XXXXXX", kSuffix);
  file.fd_ = ::mkostemps(part.data(), static_cast<int>(std::strlen(kSuffix)), O_CLOEXEC);
  if (file.fd_ < 0) return ErrnoStatus("create", part);
  file.part_ = part;
  if (::flock(file.fd_, LOCK_EX | LOCK_NB) != 0) return ErrnoStatus("lock", part);
  return file;
}

PartFile::PartFile(PartFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      part_(std::exchange(other.part_, "")) {}

PartFile::~PartFile() {
  if (!part_.empty()) ::unlink(part_.c_str());
  if (fd_ >= 0) ::close(fd_);
}

absl::Status PartFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus("write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status PartFile::Commit() {
  if (::fchmod(fd_, 0644) != 0) return ErrnoStatus("set the mode of", part_);
  // Some file systems tell of a full disk only now.
  if (::close(std::exchange(fd_, -1)) != 0) return ErrnoStatus("write", path_);
  if (::rename(part_.c_str(), path_.c_str()) != 0) return ErrnoStatus("rename", path_);
  part_.clear();
  return absl::OkStatus();
}

absl::StatusOr<int> SweepPartFiles(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  int removed = 0;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kSuffix)) continue;
    const std::string path = folder + "/" + name;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::unlink(path.c_str()) == 0) ++removed;
    ::close(fd);
  }
  return removed;
}

}  // namespace quantd
