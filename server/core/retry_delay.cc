#include "server/core/retry_delay.h"

#include <algorithm>
#include <cmath>

#include "common/random.h"

namespace quantd {

absl::Duration RetryDelay(const RetryPolicy& policy, int failures, int64_t job_key) {
  const absl::Duration nominal =
      std::min(policy.base * std::ldexp(1.0, std::min(failures - 1, 30)), policy.max);
  Random random = Random(static_cast<uint64_t>(job_key)).Fork(static_cast<uint64_t>(failures));
  return nominal * (0.5 + 0.5 * random.Uniform());
}

bool IsPermanent(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace quantd
