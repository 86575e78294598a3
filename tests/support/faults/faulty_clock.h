// A clock that jumps and stops, over one that does not. Thread-safe.
#pragma once

#include <mutex>
#include <optional>

#include "common/clock.h"

namespace quantd::testing {

class FaultyClock final : public Clock {
 public:
  // `clock` is borrowed.
  explicit FaultyClock(const Clock* clock) : clock_(*clock) {}

  absl::Time Now() const override {
    const std::lock_guard lock(mutex_);
    return (stands_at_ ? *stands_at_ : clock_.Now()) + offset_;
  }

  // Forward, or backward when negative; from now on.
  void Jump(absl::Duration by) {
    const std::lock_guard lock(mutex_);
    offset_ += by;
  }
  void StandStill() {
    const std::lock_guard lock(mutex_);
    if (!stands_at_) stands_at_ = clock_.Now();
  }
  // Goes on with the time of the clock below, as a machine does that was asleep.
  void GoOn() {
    const std::lock_guard lock(mutex_);
    stands_at_.reset();
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  absl::Duration offset_;
  std::optional<absl::Time> stands_at_;
};

}  // namespace quantd::testing
