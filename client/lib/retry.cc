#include "client/lib/retry.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace quantd {
namespace {

constexpr int kDoublingsMax = 30;  // Keeps the nominal delay finite.

}  // namespace

bool IsRetryable(const absl::Status& status) {
  if (status.ok()) return false;
  if (status.code() == absl::StatusCode::kUnavailable) return true;
  return GetErrorDetails(status).retry_after.has_value();
}

absl::Status InterruptibleSleeper::Sleep(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop_, absl::ToChronoMilliseconds(duration), [] { return false; });
  if (stop_.stop_requested()) return absl::CancelledError("interrupted");
  return absl::OkStatus();
}

Backoff::Backoff(const RetryPolicy& policy, const Clock* clock, uint64_t seed)
    : policy_(policy), clock_(clock), random_(seed), deadline_(clock->Now() + policy.overall) {}

std::optional<absl::Duration> Backoff::Next(const absl::Status& status) {
  if (!IsRetryable(status)) return std::nullopt;
  ++failures_;
  if (failures_ >= policy_.attempts_max) return std::nullopt;
  const absl::Duration nominal =
      std::min(policy_.backoff_initial *
                   std::pow(policy_.multiplier, std::min(failures_ - 1, kDoublingsMax)),
               policy_.backoff_max);
  absl::Duration delay = nominal * (0.5 + 0.5 * random_.Uniform());
  if (const auto asked = GetErrorDetails(status).retry_after) delay = std::max(delay, *asked);
  if (clock_->Now() + delay >= deadline_) return std::nullopt;
  return delay;
}

void Backoff::Reset() {
  failures_ = 0;
  deadline_ = clock_->Now() + policy_.overall;
}

absl::Status RunWithRetry(const RetryPolicy& policy, const Clock* clock, Sleeper* sleeper,
                          uint64_t seed, const std::function<absl::Status(absl::Time)>& attempt) {
  Backoff backoff(policy, clock, seed);
  while (true) {
    const absl::Status status = attempt(backoff.deadline());
    const std::optional<absl::Duration> delay = backoff.Next(status);
    if (!delay) return status;
    if (absl::Status slept = sleeper->Sleep(*delay); !slept.ok()) return slept;
  }
}

}  // namespace quantd
