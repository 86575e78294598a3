// An exclusive lock on a file, held by this process until destruction or death. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace quantd::sqlite {

class FileLock {
 public:
  // Locks `path`.lock, which stays there: removing it would let two processes lock two files of one
  // name.
  //
  // Errors: FAILED_PRECONDITION, reason STORE_IN_USE, names `path`; others name the lock file.
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace quantd::sqlite
