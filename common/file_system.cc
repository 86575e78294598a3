#include "common/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/errno_status.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Runs a system call again while signals interrupt it.
template <typename Call>
auto Uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

absl::Status StatusOf(int result, absl::string_view action, const std::string& path) {
  return result == 0 ? absl::OkStatus() : ErrnoStatus(action, path);
}

FileInfo ToInfo(const struct stat& info) {
  return {.size_bytes = info.st_size,
          .is_file = S_ISREG(info.st_mode),
          .is_folder = S_ISDIR(info.st_mode),
          .modify_time = absl::TimeFromTimespec(info.st_mtim)};
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t count) override {
    const ssize_t got = Uninterrupted([&] { return ::pread(fd_, buffer, count, offset); });
    if (got < 0) return ErrnoStatus("read", path_);
    return static_cast<size_t>(got);
  }

  absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) override {
    const ssize_t wrote =
        Uninterrupted([&] { return ::pwrite(fd_, bytes.data(), bytes.size(), offset); });
    if (wrote == 0) errno = EIO;  // Trying again for ever would be no better.
    if (wrote <= 0) return ErrnoStatus("write", path_);
    return static_cast<size_t>(wrote);
  }

  absl::Status Truncate(int64_t size_bytes) override {
    return StatusOf(Uninterrupted([&] { return ::ftruncate(fd_, size_bytes); }), "truncate", path_);
  }

  void BeginSync(int64_t offset, int64_t count) override {
    ::sync_file_range(fd_, offset, count, SYNC_FILE_RANGE_WRITE);
  }

  absl::Status Sync() override { return StatusOf(::fsync(fd_), "sync", path_); }

  absl::StatusOr<FileInfo> Info() override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return ErrnoStatus("stat", path_);
    return ToInfo(info);
  }

 private:
  const std::string path_;
  const int fd_;
};

absl::StatusOr<std::unique_ptr<File>> OpenFile(const std::string& path, int flags) {
  const int fd =
      Uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (fd < 0) return ErrnoStatus("open", path);
  return std::make_unique<PosixFile>(path, fd);
}

}  // namespace

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForReading(const std::string& path) {
  return OpenFile(path, O_RDONLY);
}

absl::StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForWriting(const std::string& path) {
  return OpenFile(path, O_RDWR | O_CREAT);
}

absl::StatusOr<FileInfo> PosixFileSystem::Info(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus("stat", path);
  return ToInfo(info);
}

absl::Status PosixFileSystem::SetModifyTime(const std::string& path, absl::Time time) {
  const timespec to = absl::ToTimespec(time);
  const timespec times[2] = {to, to};
  return StatusOf(::utimensat(AT_FDCWD, path.c_str(), times, 0), "touch", path);
}

absl::Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  return StatusOf(::rename(from.c_str(), to.c_str()), "rename", from);
}

absl::Status PosixFileSystem::Link(const std::string& from, const std::string& to) {
  return StatusOf(::link(from.c_str(), to.c_str()), "link", from);
}

absl::Status PosixFileSystem::RemoveFile(const std::string& path) {
  return StatusOf(::unlink(path.c_str()), "remove", path);
}

absl::Status PosixFileSystem::CreateFolder(const std::string& path) {
  return StatusOf(::mkdir(path.c_str(), 0700), "create folder", path);
}

absl::Status PosixFileSystem::RemoveFolder(const std::string& path) {
  return StatusOf(::rmdir(path.c_str()), "remove", path);
}

absl::StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& path) {
  return ListFolder(path);
}

absl::Status PosixFileSystem::SyncFolder(const std::string& path) {
  return quantd::SyncFolder(path);
}

absl::Status CreateFolders(FileSystem& files, const std::string& path) {
  const absl::StatusOr<FileInfo> info = files.Info(path);
  const bool is_there = info.ok();
  if (is_there && !info->is_folder) {
    errno = ENOTDIR;
    return ErrnoStatus("create folder", path);
  }
  if (!is_there && !absl::IsNotFound(info.status())) return info.status();
  const size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  if (slash != std::string::npos && slash != 0) RETURN_IF_ERROR(CreateFolders(files, parent));
  if (!is_there) {
    const absl::Status made = files.CreateFolder(path);
    if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  }
  // Also when it was there: whoever made it may not have come to this line. A folder that we may
  // not read is none that we made something in.
  const absl::Status synced = files.SyncFolder(parent);
  return is_there && absl::IsPermissionDenied(synced) ? absl::OkStatus() : synced;
}

absl::Status RemoveFileIfAny(FileSystem& files, const std::string& path) {
  const absl::Status removed = files.RemoveFile(path);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

}  // namespace quantd
