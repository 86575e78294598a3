#include "server/blob/local_dir/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"

namespace quantd {
namespace {

constexpr size_t kHashChunkBytes = 1 << 20;

}  // namespace

PartialFile::PartialFile(std::string path, int fd, PwriteFunction write)
    : path_(std::move(path)), fd_(fd), write_(std::move(write)) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      write_(std::move(other.write_)),
      size_bytes_(other.size_bytes_),
      broken_(other.broken_),
      hash_(std::move(other.hash_)) {}

PartialFile::~PartialFile() {
  if (fd_ >= 0) ::close(fd_);
}

absl::StatusOr<PartialFile> PartialFile::Open(const std::string& path, int64_t size_bytes_max,
                                              PwriteFunction write) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus("open", path);
  PartialFile file(path, fd, std::move(write));
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InternalError(absl::StrCat(path, " is not a regular file"));
  }
  if (info.st_size > size_bytes_max && ::ftruncate(fd, 0) != 0) {
    return ErrnoStatus("truncate", path);
  }
  RETURN_IF_ERROR(file.HashContent());
  return file;
}

absl::Status PartialFile::HashContent() {
  std::string buffer(kHashChunkBytes, '\0');
  while (true) {
    const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), size_bytes_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("read", path_);
    if (got == 0) return absl::OkStatus();
    hash_.Update({buffer.data(), static_cast<size_t>(got)});
    size_bytes_ += got;
  }
}

absl::Status PartialFile::Append(absl::string_view bytes) {
  if (broken_) return WriterIsSpent();
  int64_t end = size_bytes_;
  for (absl::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = write_(fd_, rest.data(), rest.size(), end);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = EIO;
      const absl::Status status = ErrnoStatus("write", path_);
      // A part may have been written. It is taken back, so that the file has what was hashed.
      broken_ = ::ftruncate(fd_, size_bytes_) != 0;
      return status;
    }
    rest.remove_prefix(static_cast<size_t>(written));
    end += written;
  }
  hash_.Update(bytes);
  size_bytes_ = end;
  return absl::OkStatus();
}

absl::Status PartialFile::Sync() {
  return ::fsync(fd_) == 0 ? absl::OkStatus() : ErrnoStatus("sync", path_);
}

}  // namespace quantd
