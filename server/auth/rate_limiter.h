// How often each of many keys may act: a token bucket (Turner, "New directions in communications",
// 1986) for each. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"

namespace quantd {

class RateLimiter {
 public:
  // `clock` is borrowed.
  explicit RateLimiter(const Clock* clock) : clock_(clock) {}

  // A bucket holds this long's worth of permits, one at least.
  static constexpr absl::Duration kBurst = absl::Seconds(10);
  // Keys that are remembered; full buckets are forgotten beyond.
  static constexpr size_t kKeysMax = 10'000;

  // Nothing: go on. Else how long until the next permit. A rate of 0 gives none: then it is kBurst.
  std::optional<absl::Duration> Take(const std::string& key, double per_second);

 private:
  struct Bucket {
    double permits = 0;
    absl::Time filled;
    double capacity = 0;
    double per_second = 0;
  };

  void Fill(Bucket& bucket, absl::Time now) const;
  void ForgetFull(absl::Time now);

  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;  // Guarded by mutex_.
};

}  // namespace quantd
