// Predicts a job's metrics before any work, from earlier jobs of the same tenant with the same
// recipe.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/quality.pb.h"
#include "server/core/job_queue.h"

namespace quantd {

// For every metric of the earlier jobs its median, and the two-sided conformal prediction interval
// for a new job's value: the order statistics of ranks floor((n + 1) alpha/2) and ceil((n + 1)(1 -
// alpha/2)) among n earlier values. It covers 1 - alpha when the new job is exchangeable with them
// (models and data alike), which is what `population` says. The latest 1,000 jobs count.
//
// Errors: FAILED_PRECONDITION, reason NOT_ENOUGH_HISTORY, saying how many jobs there are and how
// many it takes.
absl::StatusOr<v1::EstimateQualityResponse> EstimateFromHistory(
    const JobQueue& queue, const v1::EstimateQualityRequest& request);

}  // namespace quantd
