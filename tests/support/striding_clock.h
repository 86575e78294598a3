// A clock that strides ahead whenever somebody looks at it: what waits until a time passes has
// waited at its next look. Thread-safe.
#pragma once

#include <mutex>

#include "common/clock.h"

namespace quantd::testing {

class StridingClock final : public Clock {
 public:
  explicit StridingClock(absl::Duration stride) : stride_(stride) {}

  absl::Time Now() const override {
    const std::lock_guard lock(mutex_);
    return now_ += stride_;
  }

 private:
  const absl::Duration stride_;
  mutable std::mutex mutex_;
  mutable absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace quantd::testing
