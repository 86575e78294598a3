// The operations on files and folders that a store makes, as an interface: a test puts one in its
// place whose disk is full, tears writes, loses what was not synced or stops at any operation.
// PosixFileSystem is the real one. Thread-safe, apart from File.
//
// Errors name the path. Whatever implements this tells NOT_FOUND, ALREADY_EXISTS and
// RESOURCE_EXHAUSTED (reason DISK_FULL) apart; callers look at nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quantd {

struct FileInfo {
  int64_t size_bytes = 0;
  bool is_file = false;    // A regular one.
  bool is_folder = false;  // Neither: a device, a socket, ...
  absl::Time modify_time;
};

// An open file; destroying it closes it. Not thread-safe.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `count` bytes from `offset`; fewer for any reason, 0 only at the end.
  virtual absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t count) = 0;
  // Writes at least one of `bytes`, which are not empty, and tells how many.
  virtual absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) = 0;
  virtual absl::Status Truncate(int64_t size_bytes) = 0;
  // Lets the disk begin with that part of the content, which Sync() then need not wait for. A hint:
  // nothing is durable by it, and it does not wait or fail.
  virtual void BeginSync(int64_t offset, int64_t count) = 0;
  // Makes content and size durable. After an error the system may have dropped part of the content
  // silently: the file is of no use any more.
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<FileInfo> Info() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> OpenForReading(const std::string& path) = 0;
  // For reading and writing; creates a file of nobody else's (mode 0600) where there is none. Does
  // not follow a link.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) = 0;

  virtual absl::StatusOr<FileInfo> Info(const std::string& path) = 0;
  virtual absl::Status SetModifyTime(const std::string& path, absl::Time time) = 0;
  // Replaces `to`.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A second name of the same file. ALREADY_EXISTS when `to` is taken.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  virtual absl::Status RemoveFile(const std::string& path) = 0;

  // One level, mode 0700. ALREADY_EXISTS when there is anything of that name.
  virtual absl::Status CreateFolder(const std::string& path) = 0;
  // An empty one.
  virtual absl::Status RemoveFolder(const std::string& path) = 0;
  // The names (not paths), sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  // Makes the folder's entries durable.
  virtual absl::Status SyncFolder(const std::string& path) = 0;
};

// The kernel's. Interrupted calls go on.
class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) override;
  absl::StatusOr<FileInfo> Info(const std::string& path) override;
  absl::Status SetModifyTime(const std::string& path, absl::Time time) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status RemoveFile(const std::string& path) override;
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status RemoveFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
};

// Creates the folder and its parents where they are missing, and makes the entries of all of them
// durable, those that an earlier process made included. OK when it exists.
absl::Status CreateFolders(FileSystem& files, const std::string& path);

// Removes a file that may not be there.
absl::Status RemoveFileIfAny(FileSystem& files, const std::string& path);

}  // namespace quantd
