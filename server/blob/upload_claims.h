// At most one writer per upload, within this process: who writes holds a claim, and one that is
// quiet for too long loses it to the next one who asks.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/digest.h"
#include "server/blob/blob_errors.h"

namespace quantd {

// A name for the upload that is safe as a file name, whatever bytes the client's id holds.
// REQUIRES: `digest` is well-formed; it comes first, so that no id can imitate another pair.
inline std::string UploadKey(const std::string& upload_id, const std::string& digest) {
  return Sha256Hex(absl::StrCat(digest, upload_id));
}

// Thread-safe. Must outlive its claims.
class UploadClaims {
  struct Slot {
    std::mutex at_work;  // Held while the claim's owner works; guards what follows.
    bool lost = false;
    absl::Time last_work;
  };

 public:
  // `clock` is borrowed.
  UploadClaims(const Clock* clock, absl::Duration quiet) : clock_(clock), quiet_(quiet) {}

  // Ends when it is destroyed, or when somebody else has taken the upload.
  class Claim {
   public:
    Claim(UploadClaims* owner, std::string key, std::shared_ptr<Slot> slot)
        : owner_(owner), key_(std::move(key)), slot_(std::move(slot)) {}
    Claim(Claim&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          key_(std::move(other.key_)),
          slot_(std::move(other.slot_)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
      if (owner_ != nullptr) owner_->Release(key_, slot_);
    }

    // Runs `work`, and nobody takes the upload meanwhile. ABORTED, reason UPLOAD_TAKEN_OVER, when
    // somebody has: then nothing is run.
    template <typename Work>
    absl::Status Run(const Work& work) {
      const std::lock_guard guard(slot_->at_work);
      if (slot_->lost) return UploadTakenOver();
      const absl::Status status = work();
      slot_->last_work = owner_->clock_->Now();
      return status;
    }

   private:
    UploadClaims* owner_;
    std::string key_;
    std::shared_ptr<Slot> slot_;
  };

  // Nothing when the upload is being written to. Never waits for another writer.
  std::optional<Claim> Take(const std::string& key) { return Take(key, quiet_); }

  // Nothing when anybody has the upload open.
  std::optional<Claim> TakeUnclaimed(const std::string& key) {
    return Take(key, absl::InfiniteDuration());
  }

 private:
  std::optional<Claim> Take(const std::string& key, absl::Duration quiet) {
    const std::lock_guard guard(mutex_);
    std::shared_ptr<Slot>& slot = slots_[key];
    if (slot != nullptr) {
      const std::unique_lock idle(slot->at_work, std::try_to_lock);
      if (!idle || clock_->Now() - slot->last_work < quiet) return std::nullopt;
      slot->lost = true;
    }
    slot = std::make_shared<Slot>();
    slot->last_work = clock_->Now();
    return std::optional<Claim>(std::in_place, this, key, slot);
  }

  void Release(const std::string& key, const std::shared_ptr<Slot>& slot) {
    const std::lock_guard guard(mutex_);
    const auto found = slots_.find(key);
    if (found != slots_.end() && found->second == slot) slots_.erase(found);
  }

  const Clock* const clock_;
  const absl::Duration quiet_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;  // By key. Guarded by mutex_.
};

}  // namespace quantd
