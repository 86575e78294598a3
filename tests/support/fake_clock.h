// A clock that moves only when the test says so. Thread-safe.
#pragma once

#include <mutex>

#include "common/clock.h"

namespace quantd::testing {

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void Advance(absl::Duration by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

 private:
  mutable std::mutex mutex_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace quantd::testing
