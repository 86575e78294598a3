#include "tests/support/faults/faulty_file_system.h"

#include <cerrno>

#include "absl/memory/memory.h"
#include "common/errno_status.h"
#include "common/status_macros.h"

namespace quantd::testing {
namespace {

absl::Status ToStatus(int error, absl::string_view action, absl::string_view path) {
  if (error == 0) return absl::OkStatus();
  errno = error;
  return ErrnoStatus(action, path);
}

absl::StatusOr<FileInfo> InfoOf(SimulatedDisk& disk, SimulatedDisk::Node node,
                                const std::string& path) {
  SimulatedDisk::Info info;
  RETURN_IF_ERROR(ToStatus(disk.Stat(node, &info), "stat", path));
  return FileInfo{.size_bytes = info.size_bytes,
                  .is_file = !info.is_folder,
                  .is_folder = info.is_folder,
                  .modify_time = info.modify_time};
}

}  // namespace

class FaultyFileSystem::OpenFile final : public File {
 public:
  OpenFile(FaultyFileSystem* files, SimulatedDisk::Node node, std::string path)
      : disk_(files->disk_), clock_(files->clock_), node_(node), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t count) override {
    size_t got = 0;
    RETURN_IF_ERROR(ToStatus(disk_.Read(node_, offset, buffer, count, &got), "read", path_));
    return got;
  }

  absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) override {
    size_t written = 0;
    RETURN_IF_ERROR(ToStatus(disk_.Write(node_, offset, bytes, &written), "write", path_));
    disk_.SetModifyTime(node_, clock_.Now());
    return written;
  }

  absl::Status Truncate(int64_t size_bytes) override {
    return ToStatus(disk_.Truncate(node_, size_bytes), "truncate", path_);
  }

  void BeginSync(int64_t, int64_t) override {}

  absl::Status Sync() override { return ToStatus(disk_.Sync(node_), "sync", path_); }

  absl::StatusOr<FileInfo> Info() override { return InfoOf(disk_, node_, path_); }

 private:
  SimulatedDisk& disk_;
  const Clock& clock_;
  const SimulatedDisk::Node node_;
  const std::string path_;
};

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::OpenForReading(const std::string& path) {
  SimulatedDisk::Node node = 0;
  RETURN_IF_ERROR(ToStatus(disk_.Open(path, /*create=*/false, &node), "open", path));
  return std::make_unique<OpenFile>(this, node, path);
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::OpenForWriting(const std::string& path) {
  SimulatedDisk::Node node = 0;
  const bool is_new = disk_.Find(path, &node) == ENOENT;
  RETURN_IF_ERROR(ToStatus(disk_.Open(path, /*create=*/true, &node), "open", path));
  if (is_new) disk_.SetModifyTime(node, clock_.Now());
  return std::make_unique<OpenFile>(this, node, path);
}

absl::StatusOr<FileInfo> FaultyFileSystem::Info(const std::string& path) {
  SimulatedDisk::Node node = 0;
  RETURN_IF_ERROR(ToStatus(disk_.Find(path, &node), "stat", path));
  return InfoOf(disk_, node, path);
}

absl::Status FaultyFileSystem::SetModifyTime(const std::string& path, absl::Time time) {
  SimulatedDisk::Node node = 0;
  RETURN_IF_ERROR(ToStatus(disk_.Find(path, &node), "set the time of", path));
  return ToStatus(disk_.SetModifyTime(node, time), "set the time of", path);
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  return ToStatus(disk_.Rename(from, to), "rename", from);
}

absl::Status FaultyFileSystem::Link(const std::string& from, const std::string& to) {
  return ToStatus(disk_.Link(from, to), "link", from);
}

absl::Status FaultyFileSystem::RemoveFile(const std::string& path) {
  return ToStatus(disk_.Remove(path), "remove", path);
}

absl::Status FaultyFileSystem::CreateFolder(const std::string& path) {
  return ToStatus(disk_.CreateFolder(path), "create folder", path);
}

absl::Status FaultyFileSystem::RemoveFolder(const std::string& path) {
  return ToStatus(disk_.RemoveFolder(path), "remove folder", path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& path) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(ToStatus(disk_.List(path, &names), "list", path));
  return names;
}

absl::Status FaultyFileSystem::SyncFolder(const std::string& path) {
  return ToStatus(disk_.SyncFolder(path), "sync", path);
}

}  // namespace quantd::testing
