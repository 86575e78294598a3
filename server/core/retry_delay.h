// How long a job waits before its next attempt. Pure functions.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace quantd {

struct RetryPolicy {
  absl::Duration base = absl::Seconds(1);  // After the first failure, before jitter.
  absl::Duration max = absl::Minutes(5);
};

// base * 2^(failures - 1), at most `max`, times a factor in [0.5, 1) that depends on job and
// failures alone, so that jobs which failed together do not come back together. REQUIRES: failures
// >= 1.
absl::Duration RetryDelay(const RetryPolicy& policy, int failures, int64_t job_key);

// Whether another attempt would fail in the same way: the request itself is wrong, or asks for what
// is not there.
bool IsPermanent(const absl::Status& failure);

}  // namespace quantd
