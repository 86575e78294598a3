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

}  // namespace quantd
