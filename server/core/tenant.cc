#include "server/core/tenant.h"

namespace quantd {

TenantLimits Effective(const TenantLimits& own, const TenantLimits& defaults) {
  TenantLimits limits = own;
  const auto fill = [](auto& value, const auto& fallback) {
    if (!value) value = fallback;
  };
  fill(limits.stored_bytes_max, defaults.stored_bytes_max);
  fill(limits.queued_jobs_max, defaults.queued_jobs_max);
  fill(limits.running_jobs_max, defaults.running_jobs_max);
  fill(limits.calls_per_second, defaults.calls_per_second);
  fill(limits.retention, defaults.retention);
  return limits;
}

}  // namespace quantd
