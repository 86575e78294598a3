// Time as a dependency, so that tests own it. Thread-safe.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace quantd {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time. It may jump; leases and expiries compare values from one server only.
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace quantd
