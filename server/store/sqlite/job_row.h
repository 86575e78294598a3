// A job as a row of the table `jobs`. Not thread-safe, as statements are not.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/job.h"
#include "server/store/sqlite/statement.h"

namespace quantd::sqlite {

// The columns that ReadJobs() expects a statement to select, in this order.
inline constexpr char kJobColumns[] =
    "key, tenant, id, display_name, labels, request_id, request_digest, work_digest, requirements, "
    "priority, max_attempts, queue_timeout, state, version, create_time, update_time, not_before, "
    "cancel_requested, lease_token, lease_expire_time, event_count, engine_version, details";

// Runs the statement. DATA_LOSS for rows that this server did not write.
absl::StatusOr<std::vector<Job>> ReadJobs(Statement& statement);
absl::StatusOr<std::optional<Job>> ReadFirstJob(Statement& statement);

// Binds the parameters, named like the columns, that are fixed when the job is created.
void BindRequest(const Job& job, Statement& statement);

// Binds all others, but `key`.
void BindProgress(const Job& job, Statement& statement);

}  // namespace quantd::sqlite
