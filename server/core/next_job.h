// Which job a worker gets next: fair between tenants, by rank within one. Functions inside a
// transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/job_store.h"
#include "server/core/tenant.h"

namespace quantd {

struct WorkerOffer {
  std::vector<std::string> capabilities;  // Sorted.
  std::optional<std::string> tenant;      // Serves this one alone; absent: all.
};

struct NextJob {
  Job job;
  Tenant tenant;  // Whose job it is, as the store has it.
};

// Among the tenants with a job that the worker may run now (it can do what the job requires, its
// not_before has passed, no job of equal work of that tenant runs, and the tenant runs fewer jobs
// than its limit, which is `defaults`' where it has none) the one with the fewest running jobs per
// weight is served; of several, the one that was served longest ago. Its job of the lowest rank is
// next, the older one among equals.
//
// Cost: an index search per distinct pair of requirements and tenant in the queue.
absl::StatusOr<std::optional<NextJob>> FindNextJob(Transaction& transaction,
                                                   const WorkerOffer& offer,
                                                   const TenantLimits& defaults, absl::Time now);

}  // namespace quantd
