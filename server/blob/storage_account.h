// How many bytes a store holds, kept in step with it so that an upload can be refused before its
// first byte arrives.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace quantd {

// Thread-safe. An upload counts with what it may come to hold: its announced size while it is open,
// so that uploads at the same time cannot pass the limit together, else what is kept of it.
class StorageAccount {
 public:
  // The upload counts `bytes` from now on, unless the sum would then be above `max`: false, and
  // nothing has changed. REQUIRES: sums stay within their type (BlobStore::kBlobBytesMax).
  bool Reserve(const std::string& upload, int64_t bytes, int64_t max) {
    const std::lock_guard guard(mutex_);
    const auto found = uploads_.find(upload);
    const int64_t others = used_ - (found == uploads_.end() ? 0 : found->second);
    if (bytes > max - others) return false;
    Set(upload, bytes);
    return true;
  }

  // What is kept of an upload that nobody writes any more; 0 when it is gone.
  void SetUpload(const std::string& upload, int64_t bytes) {
    const std::lock_guard guard(mutex_);
    Set(upload, bytes);
  }

  // A finished upload has become a blob.
  void AddBlob(const std::string& upload, int64_t bytes) {
    const std::lock_guard guard(mutex_);
    Set(upload, 0);
    used_ += bytes;
  }

  void RemoveBlob(int64_t bytes) {
    const std::lock_guard guard(mutex_);
    used_ -= bytes;
  }

  int64_t used() const {
    const std::lock_guard guard(mutex_);
    return used_;
  }

 private:
  void Set(const std::string& upload, int64_t bytes) {
    int64_t& counted = uploads_[upload];
    used_ += bytes - counted;
    counted = bytes;
    if (bytes == 0) uploads_.erase(upload);
  }

  mutable std::mutex mutex_;
  int64_t used_ = 0;
  std::map<std::string, int64_t> uploads_;  // By key; those that count anything.
};

}  // namespace quantd
