// A file system on which one kind of operation fails, from the n-th one on or just that once.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "tests/support/forwarding_file_system.h"

namespace quantd::testing {

enum class FileOperation {
  kOpen,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kTouch,
  kCreateFolder,
  kSyncFolder
};

struct FileFault {
  FileOperation operation;
  int after = 0;       // Operations of that kind that succeed before.
  absl::Status error;  // What the next one returns.
  bool torn = false;   // A write that fails has written the half of its bytes.
};

// Thread-safe.
class FaultyFileSystem final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  // One fault at a time; it happens once.
  void Arm(const FileFault& fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    armed_ = true;
  }
  // Whether it has not happened.
  bool armed() const {
    const std::lock_guard lock(mutex_);
    return armed_;
  }
  void Disarm() {
    const std::lock_guard lock(mutex_);
    armed_ = false;
  }

  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) override {
    if (absl::Status failed = Fail(FileOperation::kOpen); !failed.ok()) return failed;
    absl::StatusOr<std::unique_ptr<File>> file = ForwardingFileSystem::OpenForWriting(path);
    if (!file.ok()) return file;
    return std::make_unique<FaultyFile>(this, *std::move(file));
  }
  absl::Status SetModifyTime(const std::string& path, absl::Time time) override {
    if (absl::Status failed = Fail(FileOperation::kTouch); !failed.ok()) return failed;
    return ForwardingFileSystem::SetModifyTime(path, time);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (absl::Status failed = Fail(FileOperation::kRename); !failed.ok()) return failed;
    return ForwardingFileSystem::Rename(from, to);
  }
  absl::Status CreateFolder(const std::string& path) override {
    if (absl::Status failed = Fail(FileOperation::kCreateFolder); !failed.ok()) return failed;
    return ForwardingFileSystem::CreateFolder(path);
  }
  absl::Status SyncFolder(const std::string& path) override {
    if (absl::Status failed = Fail(FileOperation::kSyncFolder); !failed.ok()) return failed;
    return ForwardingFileSystem::SyncFolder(path);
  }

 private:
  class FaultyFile final : public ForwardingFile {
   public:
    FaultyFile(FaultyFileSystem* owner, std::unique_ptr<File> file)
        : ForwardingFile(std::move(file)), owner_(owner) {}

    absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) override {
      bool torn = false;
      if (absl::Status failed = owner_->Fail(FileOperation::kWrite, &torn); !failed.ok()) {
        if (torn && bytes.size() > 1) {
          ForwardingFile::Write(offset, bytes.substr(0, bytes.size() / 2)).IgnoreError();
        }
        return failed;
      }
      return ForwardingFile::Write(offset, bytes);
    }
    absl::Status Truncate(int64_t size_bytes) override {
      if (absl::Status failed = owner_->Fail(FileOperation::kTruncate); !failed.ok()) return failed;
      return ForwardingFile::Truncate(size_bytes);
    }
    absl::Status Sync() override {
      if (absl::Status failed = owner_->Fail(FileOperation::kSync); !failed.ok()) return failed;
      return ForwardingFile::Sync();
    }

   private:
    FaultyFileSystem* const owner_;
  };

  absl::Status Fail(FileOperation operation, bool* torn = nullptr) {
    const std::lock_guard lock(mutex_);
    if (!armed_ || fault_.operation != operation || fault_.after-- > 0) return absl::OkStatus();
    armed_ = false;
    if (torn != nullptr) *torn = fault_.torn;
    return fault_.error;
  }

  mutable std::mutex mutex_;
  FileFault fault_;
  bool armed_ = false;
};

}  // namespace quantd::testing
