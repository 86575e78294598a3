// What the queue asks of the jobs. Each statement repeats the condition of the partial index that
// answers it, as literal text: without it SQLite would read the whole history.

#include <algorithm>

#include "common/status_macros.h"
#include "server/core/job_codec.h"
#include "server/store/sqlite/job_row.h"
#include "server/store/sqlite/sqlite_jobs.h"

namespace quantd::sqlite {
namespace {

// Jumps from one set to the next in the index, where DISTINCT would read an entry for each queued
// job.
constexpr char kQueuedRequirements[] =
    "WITH RECURSIVE sets (requirements) AS ("
    "SELECT min(requirements) FROM jobs WHERE state = 'QUEUED' "
    "UNION ALL "
    "SELECT (SELECT min(requirements) FROM jobs "
    "WHERE state = 'QUEUED' AND requirements > sets.requirements) "
    "FROM sets WHERE sets.requirements IS NOT NULL) "
    "SELECT requirements FROM sets WHERE requirements IS NOT NULL";

constexpr char kNextQueued[] =
    "WHERE state = 'QUEUED' AND requirements = :requirements AND not_before <= :now "
    "AND NOT EXISTS (SELECT 1 FROM jobs AS running WHERE running.state = 'RUNNING' "
    "AND running.tenant = jobs.tenant AND running.work_digest = jobs.work_digest) "
    "ORDER BY priority DESC, key LIMIT 1";

constexpr char kQueuedWork[] =
    "WHERE state = 'QUEUED' AND tenant = :tenant AND work_digest = :work_digest ORDER BY key";

constexpr char kFinishedWork[] =
    "WHERE state = 'SUCCEEDED' AND did_work = 1 AND tenant = :tenant "
    "AND work_digest = :work_digest AND engine_version = :engine_version "
    "ORDER BY key DESC LIMIT 1";

constexpr char kExpiredLeases[] =
    "WHERE state = 'RUNNING' AND lease_expire_time <= :now "
    "ORDER BY lease_expire_time, key LIMIT :limit";

constexpr char kOverdueQueued[] =
    "WHERE state = 'QUEUED' AND queue_deadline IS NOT NULL AND queue_deadline <= :now "
    "ORDER BY queue_deadline, key LIMIT :limit";

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> SqliteJobTable::QueuedRequirements() {
  ASSIGN_OR_RETURN(Statement select, connection_.Prepare(kQueuedRequirements));
  std::vector<std::vector<std::string>> sets;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return sets;
    sets.push_back(DecodeWords(select.Text(0)));
  }
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::NextQueued(
    const std::vector<std::string>& requirements, absl::Time now) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(kNextQueued));
  select.BindText(":requirements", EncodeWords(requirements));
  select.BindInt(":now", EncodeTime(now));
  return ReadFirstJob(select);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::QueuedWork(const std::string& tenant,
                                                            const std::string& work_digest) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(kQueuedWork));
  select.BindText(":tenant", tenant);
  select.BindText(":work_digest", work_digest);
  return ReadJobs(select);
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::FinishedWork(const std::string& tenant,
                                                                const std::string& work_digest,
                                                                const std::string& engine_version) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(kFinishedWork));
  select.BindText(":tenant", tenant);
  select.BindText(":work_digest", work_digest);
  select.BindText(":engine_version", engine_version);
  return ReadFirstJob(select);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::ExpiredLeases(absl::Time now, int limit) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(kExpiredLeases));
  select.BindInt(":now", EncodeTime(now));
  select.BindInt(":limit", std::max(limit, 0));
  return ReadJobs(select);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::OverdueQueued(absl::Time now, int limit) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(kOverdueQueued));
  select.BindInt(":now", EncodeTime(now));
  select.BindInt(":limit", std::max(limit, 0));
  return ReadJobs(select);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::Running() {
  ASSIGN_OR_RETURN(Statement select, SelectJobs("WHERE state = 'RUNNING' ORDER BY key"));
  return ReadJobs(select);
}

absl::StatusOr<uint64_t> SqliteJobTable::NextToken() {
  ASSIGN_OR_RETURN(Statement next, connection_.Prepare("UPDATE counters SET value = value + 1 "
                                                       "WHERE name = 'lease_token' "
                                                       "RETURNING value"));
  ASSIGN_OR_RETURN(const bool found, next.Step());
  if (!found) return absl::DataLossError("the counter of lease tokens is gone");
  const uint64_t token = static_cast<uint64_t>(next.Int(0));
  RETURN_IF_ERROR(next.Run());
  return token;
}

absl::StatusOr<QueueCounts> SqliteJobTable::Count() {
  QueueCounts counts;
  ASSIGN_OR_RETURN(Statement states,
                   connection_.Prepare("SELECT state, count(*) FROM jobs GROUP BY state"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, states.Step());
    if (!found) break;
    const absl::StatusOr<JobState> state = ParseJobState(states.Text(0));
    if (!state.ok()) return absl::DataLossError(state.status().message());
    counts.jobs[*state] = states.Int(1);
  }
  ASSIGN_OR_RETURN(Statement oldest, connection_.Prepare("SELECT min(create_time) FROM jobs "
                                                         "WHERE state = 'QUEUED'"));
  ASSIGN_OR_RETURN(const bool found, oldest.Step());
  if (found && !oldest.IsNull(0)) counts.oldest_queued = DecodeTime(oldest.Int(0));
  return counts;
}

}  // namespace quantd::sqlite
