#include "common/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

namespace fs = std::filesystem;

absl::Status WriteAll(int fd, const std::string& path, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus("write", path);
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return ErrnoStatus("sync", path);
  return absl::OkStatus();
}

absl::Status FromErrorCode(const std::error_code& error, absl::string_view action,
                           const std::string& path) {
  if (!error) return absl::OkStatus();
  errno = error.value();
  return ErrnoStatus(action, path);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t bytes_max) {
  // Without O_NONBLOCK opening a named pipe would wait for a writer for ever.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus("open", path);
  const auto close_fd = absl::MakeCleanup([fd] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0) return ErrnoStatus("stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  std::string content;
  while (true) {
    if (static_cast<int64_t>(content.size()) > bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " has more than the ", bytes_max, " bytes that are read at most"));
    }
    const size_t old_size = content.size();
    const size_t chunk = std::max<size_t>(static_cast<size_t>(info.st_size) + 1 > old_size
                                              ? static_cast<size_t>(info.st_size) + 1 - old_size
                                              : 4096,
                                          4096);
    content.resize(old_size + std::min<size_t>(chunk, 64 << 20));
    const ssize_t got = ::read(fd, content.data() + old_size, content.size() - old_size);
    if (got < 0 && errno != EINTR) return ErrnoStatus("read", path);
    content.resize(old_size + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return content;
  }
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("create", temporary);
  absl::Status status = WriteAll(fd, temporary, content);
  ::close(fd);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus("rename", path);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  const std::string parent = fs::path(path).parent_path().string();
  return SyncFolder(parent.empty() ? "." : parent);
}

absl::StatusOr<int64_t> FileSize(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus("stat", path);
  return static_cast<int64_t>(info.st_size);
}

bool FileExists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

absl::Status CreateFolders(const std::string& path) {
  std::string made;
  for (const fs::path& part : fs::path(path)) {
    made = (fs::path(made) / part).string();
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
      return ErrnoStatus("create folder", made);
    }
  }
  struct stat info;
  if (::stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    errno = ENOTDIR;
    return ErrnoStatus("create folder", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  fs::directory_iterator it(path, error);
  RETURN_IF_ERROR(FromErrorCode(error, "list", path));
  std::vector<std::string> names;
  for (const fs::directory_iterator end; it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
    RETURN_IF_ERROR(FromErrorCode(error, "list", path));
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return FromErrorCode(error, "remove", path);
}

absl::StatusOr<std::string> MakeTemporaryFolder(absl::string_view prefix) {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  RETURN_IF_ERROR(FromErrorCode(error, "find", "the temporary folder"));
  std::string path = absl::StrCat(base.string(), "/", prefix, "XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus("create folder", path);
  return path;
}

absl::Status SyncFolder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open", path);
  const int result = ::fsync(fd);
  const absl::Status status = result == 0 ? absl::OkStatus() : ErrnoStatus("sync", path);
  ::close(fd);
  return status;
}

}  // namespace quantd
