// When and how a failed call is tried again. Knows nothing of gRPC: it sees statuses, a clock and a
// sleeper, so that tests need no time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/random.h"

namespace quantd {

struct RetryPolicy {
  int attempts_max = 6;  // The first one included; counted anew after progress.
  absl::Duration backoff_initial = absl::Milliseconds(200);
  absl::Duration backoff_max = absl::Seconds(5);
  double multiplier = 2;
  absl::Duration overall =
      absl::Seconds(30);  // From the first attempt (or the last progress) to giving up.
};

// Whether another attempt may succeed: UNAVAILABLE, or an error whose sender says when to come
// back.
bool IsRetryable(const absl::Status& status);

class Sleeper {
 public:
  virtual ~Sleeper() = default;

  // Waits for `duration`; CANCELLED at once when the wait is given up.
  virtual absl::Status Sleep(absl::Duration duration) = 0;
};

// Sleeps in real time until `stop` is requested. Thread-safe.
class InterruptibleSleeper final : public Sleeper {
 public:
  explicit InterruptibleSleeper(std::stop_token stop) : stop_(std::move(stop)) {}

  absl::Status Sleep(absl::Duration duration) override;

 private:
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any never_;  // Only the stop token or the time ends the wait.
};

// The state of one sequence of attempts. Not thread-safe.
class Backoff {
 public:
  // `clock` is borrowed. `seed` drives the jitter.
  Backoff(const RetryPolicy& policy, const Clock* clock, uint64_t seed);

  // How long to wait before the next attempt after `status`; nullopt: give up, because the error is
  // not retryable or the attempts or the time are used up. Delays grow exponentially, each between
  // half and the whole of its nominal value so that many clients spread out; never shorter than
  // what RetryInfo asks for.
  std::optional<absl::Duration> Next(const absl::Status& status);

  // Progress was made: attempts and time start anew.
  void Reset();

  // When the last attempt must have ended.
  absl::Time deadline() const { return deadline_; }

 private:
  const RetryPolicy policy_;
  const Clock* const clock_;
  Random random_;
  int failures_ = 0;
  absl::Time deadline_;
};

// Runs `attempt` until it succeeds, fails for good, or the policy is used up; returns its last
// status, or CANCELLED when the sleeper was interrupted. `attempt` receives the time by which it
// must have ended.
absl::Status RunWithRetry(const RetryPolicy& policy, const Clock* clock, Sleeper* sleeper,
                          uint64_t seed, const std::function<absl::Status(absl::Time)>& attempt);

}  // namespace quantd
