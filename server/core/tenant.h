// What a tenant may use and has used, as the store keeps it. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace quantd {

// Absent: no limit, or, in what was set for one tenant, the server's default.
struct TenantLimits {
  std::optional<int64_t> stored_bytes_max;  // Blobs, unfinished uploads included.
  std::optional<int64_t> queued_jobs_max;
  std::optional<int64_t> running_jobs_max;
  std::optional<double> calls_per_second;
  std::optional<absl::Duration> retention;  // Of finished jobs, their artifacts, and uploaded ones.

  friend bool operator==(const TenantLimits&, const TenantLimits&) = default;
};

struct Tenant {
  std::string name;         // "team", not a resource name.
  TenantLimits limits;      // What was set for this tenant.
  double weight = 1;        // Share of the workers among tenants with waiting jobs; above 0.
  uint64_t last_lease = 0;  // The token of the latest lease of one of its jobs: who is served next.

  friend bool operator==(const Tenant&, const Tenant&) = default;
};

// Of what TenantLimits bounds, the jobs.
struct TenantUse {
  int64_t queued_jobs = 0;
  int64_t running_jobs = 0;

  friend bool operator==(const TenantUse&, const TenantUse&) = default;
};

// `own` where it is set, else `defaults`.
TenantLimits Effective(const TenantLimits& own, const TenantLimits& defaults);

}  // namespace quantd
