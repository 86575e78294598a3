// A file system that hands every operation on to another one. A test overrides what is to go wrong.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/file_system.h"

namespace quantd::testing {

class ForwardingFile : public File {
 public:
  explicit ForwardingFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t count) override {
    return file_->Read(offset, buffer, count);
  }
  absl::StatusOr<size_t> Write(int64_t offset, absl::string_view bytes) override {
    return file_->Write(offset, bytes);
  }
  absl::Status Truncate(int64_t size_bytes) override { return file_->Truncate(size_bytes); }
  void BeginSync(int64_t offset, int64_t count) override { file_->BeginSync(offset, count); }
  absl::Status Sync() override { return file_->Sync(); }
  absl::StatusOr<FileInfo> Info() override { return file_->Info(); }

 private:
  std::unique_ptr<File> file_;
};

class ForwardingFileSystem : public FileSystem {
 public:
  // `files` is borrowed.
  explicit ForwardingFileSystem(FileSystem* files) : files_(files) {}

  absl::StatusOr<std::unique_ptr<File>> OpenForReading(const std::string& path) override {
    return files_->OpenForReading(path);
  }
  absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) override {
    return files_->OpenForWriting(path);
  }
  absl::StatusOr<FileInfo> Info(const std::string& path) override { return files_->Info(path); }
  absl::Status SetModifyTime(const std::string& path, absl::Time time) override {
    return files_->SetModifyTime(path, time);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files_->Rename(from, to);
  }
  absl::Status Link(const std::string& from, const std::string& to) override {
    return files_->Link(from, to);
  }
  absl::Status RemoveFile(const std::string& path) override { return files_->RemoveFile(path); }
  absl::Status CreateFolder(const std::string& path) override { return files_->CreateFolder(path); }
  absl::Status RemoveFolder(const std::string& path) override { return files_->RemoveFolder(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return files_->List(path);
  }
  absl::Status SyncFolder(const std::string& path) override { return files_->SyncFolder(path); }

 private:
  FileSystem* const files_;
};

}  // namespace quantd::testing
