// The temporary file of one upload: bytes are appended to it whole or not at all, and hashed on the
// way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/file_system.h"
#include "server/blob/local_dir/hash_thread.h"

namespace quantd {

// Not thread-safe. Owns the open file, not its name: the file stays when this is destroyed.
class PartialFile {
 public:
  // Opens the file or creates it. What it holds already is read and hashed, which costs a pass over
  // it; a file of more than `size_bytes_max` is emptied first.
  static absl::StatusOr<PartialFile> Open(FileSystem& files, const std::string& path,
                                          int64_t size_bytes_max);

  int64_t size_bytes() const { return size_bytes_; }

  // Appends all of `bytes`, which are taken: see BlobWriter::AppendAndTake(). After an error the
  // file is as long as before. RESOURCE_EXHAUSTED, reason DISK_FULL; FAILED_PRECONDITION when an
  // earlier error could not be undone.
  absl::Status Append(std::string& bytes);

  // The digest of what was appended and read. REQUIRES: called once; no Append() afterwards.
  std::string HexDigest() { return hash_->HexDigest(); }

  // Makes the content durable. After an error the system may have dropped part of it silently: the
  // file is of no use any more.
  absl::Status Sync() { return file_->Sync(); }

 private:
  explicit PartialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  absl::Status HashContent();

  std::unique_ptr<File> file_;
  int64_t size_bytes_ = 0;
  int64_t begun_bytes_ = 0;  // As far as the disk was told to write.
  bool broken_ = false;
  std::unique_ptr<HashThread> hash_ = std::make_unique<HashThread>();  // Stays where it is.
};

}  // namespace quantd
