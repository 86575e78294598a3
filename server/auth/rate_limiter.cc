#include "server/auth/rate_limiter.h"

#include <algorithm>

namespace quantd {

void RateLimiter::Fill(Bucket& bucket, absl::Time now) const {
  // A clock that was set back must not take permits away.
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - bucket.filled));
  bucket.permits = std::min(bucket.capacity, bucket.permits + seconds * bucket.per_second);
  bucket.filled = now;
}

void RateLimiter::ForgetFull(absl::Time now) {
  for (auto it = buckets_.begin(); it != buckets_.end();) {
    Fill(it->second, now);
    it = it->second.permits >= it->second.capacity ? buckets_.erase(it) : std::next(it);
  }
}

std::optional<absl::Duration> RateLimiter::Take(const std::string& key, double per_second) {
  if (per_second <= 0) return kBurst;
  const absl::Time now = clock_->Now();
  const double capacity = std::max(1.0, per_second * absl::ToDoubleSeconds(kBurst));
  const std::lock_guard lock(mutex_);
  if (buckets_.size() >= kKeysMax && !buckets_.contains(key)) {
    ForgetFull(now);
    // All of them are in use: a flood of keys is let through rather than remembered.
    if (buckets_.size() >= kKeysMax) return std::nullopt;
  }
  const auto [it, fresh] = buckets_.try_emplace(
      key,
      Bucket{.permits = capacity, .filled = now, .capacity = capacity, .per_second = per_second});
  Bucket& bucket = it->second;
  if (bucket.per_second != per_second) {
    // The limit was changed meanwhile; what is in the bucket stays, as far as it fits.
    Fill(bucket, now);
    bucket.capacity = capacity;
    bucket.per_second = per_second;
  }
  Fill(bucket, now);
  if (bucket.permits < 1) return absl::Seconds((1 - bucket.permits) / per_second);
  bucket.permits -= 1;
  return std::nullopt;
}

}  // namespace quantd
