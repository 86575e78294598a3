// The temporary file of one upload: bytes are appended to it whole or not at all, and hashed on the
// way.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/digest.h"

namespace quantd {

// Like pwrite(2); tests pass one whose disk is full.
using PwriteFunction = std::function<ssize_t(int, const void*, size_t, off_t)>;

// Not thread-safe. Owns the open file, not its name: the file stays when this is destroyed.
class PartialFile {
 public:
  // Opens the file or creates it. What it holds already is read and hashed, which costs a pass over
  // it; a file of more than `size_bytes_max` is emptied first.
  static absl::StatusOr<PartialFile> Open(const std::string& path, int64_t size_bytes_max,
                                          PwriteFunction write);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  int64_t size_bytes() const { return size_bytes_; }

  // Appends all of `bytes`. After an error the file is as long as before. RESOURCE_EXHAUSTED,
  // reason DISK_FULL; FAILED_PRECONDITION when an earlier error could not be undone.
  absl::Status Append(absl::string_view bytes);

  // The digest of what was appended and read. REQUIRES: called once; no Append() afterwards.
  std::string HexDigest() { return hash_.HexDigest(); }

  // Makes the content durable. After an error the system may have dropped part of it silently: the
  // file is of no use any more.
  absl::Status Sync();

 private:
  PartialFile(std::string path, int fd, PwriteFunction write);
  absl::Status HashContent();

  std::string path_;
  int fd_;
  PwriteFunction write_;
  int64_t size_bytes_ = 0;
  bool broken_ = false;
  Sha256 hash_;
};

}  // namespace quantd
