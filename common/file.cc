#include "common/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

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

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// Null, with errno. A folder that its owner may not list is opened up first.
Folder OpenFolder(int parent, const char* name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::openat(parent, name, kFlags);
  if (fd < 0 && errno == EACCES && ::fchmodat(parent, name, 0700, 0) == 0) fd = ::openat(parent, name, kFlags);
  if (fd < 0) return nullptr;
  Folder folder(::fdopendir(fd));
  if (folder == nullptr) ::close(fd);
  return folder;
}

// The next entry but "." and ".."; null at the end.
const char* NextName(DIR* folder) {
  while (const dirent* entry = ::readdir(folder)) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) return entry->d_name;
  }
  return nullptr;
}

// A file or an empty folder. 0 or an errno.
int RemoveEntry(int parent, const char* name) {
  if (::unlinkat(parent, name, 0) == 0) return 0;
  // What unlink says of folders: EISDIR here, EPERM by POSIX.
  if (errno != EISDIR && errno != EPERM) return errno;
  return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

// Under a name that no other entry has. 0 or an errno.
int MoveUp(int from, const char* name, int top, uint64_t& count) {
  while (::renameat(from, name, top, absl::StrCat("removed-", count++).c_str()) != 0) {
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return errno;
  }
  return 0;
}

// Removes everything in the folder, however deep it is, with two descriptors and no recursion: what a folder in it
// holds moves up to `top` before the folder goes. 0, or the first errno when something has to stay.
int EmptyFolder(DIR* top) {
  const int top_fd = ::dirfd(top);
  uint64_t moved = 0;
  int first_error = 0;
  for (bool progress = true; progress;) {
    progress = false;
    first_error = 0;
    ::rewinddir(top);
    while (const char* name = NextName(top)) {
      int error = RemoveEntry(top_fd, name);
      if (error == ENOTEMPTY || error == EEXIST) {
        const Folder inner = OpenFolder(top_fd, name);
        error = inner == nullptr ? errno : 0;
        while (const char* inner_name = inner == nullptr ? nullptr : NextName(inner.get())) {
          int failed = RemoveEntry(::dirfd(inner.get()), inner_name);
          if (failed == ENOTEMPTY || failed == EEXIST) {
            failed = MoveUp(::dirfd(inner.get()), inner_name, top_fd, moved);
          }
          if (failed != 0 && error == 0) error = failed;
        }
        // Entries that readdir has left out are found the next time.
        if (error == 0) error = RemoveEntry(top_fd, name);
      }
      if (error == 0) progress = true;
      if (error != 0 && first_error == 0) first_error = error;
    }
  }
  return first_error;
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
  const int error = RemoveEntry(AT_FDCWD, path.c_str());
  if (error == 0 || error == ENOENT) return absl::OkStatus();
  errno = error;
  if (error != ENOTEMPTY && error != EEXIST) return ErrnoStatus("remove", path);
  const Folder top = OpenFolder(AT_FDCWD, path.c_str());
  if (top == nullptr) return ErrnoStatus("open", path);
  if (const int failed = EmptyFolder(top.get())) {
    errno = failed;
    return ErrnoStatus("empty", path);
  }
  return ::rmdir(path.c_str()) == 0 ? absl::OkStatus() : ErrnoStatus("remove", path);
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
