// At most one writer per upload, within this process.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/digest.h"

namespace quantd {

// A name for the upload that is safe as a file name, whatever bytes the client's id holds.
// REQUIRES: `digest` is well-formed; it comes first, so that no id can imitate another pair.
inline std::string UploadKey(const std::string& upload_id, const std::string& digest) {
  return Sha256Hex(absl::StrCat(digest, upload_id));
}

// Thread-safe. Must outlive its locks.
class UploadLocks {
 public:
  // Holds one key until it is destroyed.
  class Lock {
   public:
    Lock(UploadLocks* owner, std::string key) : owner_(owner), key_(std::move(key)) {}
    Lock(Lock&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), key_(std::move(other.key_)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (owner_ != nullptr) owner_->Release(key_);
    }

   private:
    UploadLocks* owner_;
    std::string key_;
  };

  // Nothing when the key is held.
  std::optional<Lock> TryLock(const std::string& key) {
    const std::lock_guard guard(mutex_);
    if (!held_.insert(key).second) return std::nullopt;
    return std::optional<Lock>(std::in_place, this, key);
  }

 private:
  void Release(const std::string& key) {
    const std::lock_guard guard(mutex_);
    held_.erase(key);
  }

  std::mutex mutex_;
  std::set<std::string> held_;
};

}  // namespace quantd
