// What the queue asks of the jobs: who is next, what is due, how many there are. The rest of
// SqliteJobTable is in sqlite_jobs.cc.
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/core/job_codec.h"
#include "server/store/sqlite/job_rows.h"
#include "server/store/sqlite/sqlite_jobs.h"
#include "server/store/sqlite/sqlite_tenants.h"

namespace quantd {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

// As the index has it: jobs without a deadline are not in there.
constexpr char kOverdue[] =
    "FROM jobs INDEXED BY jobs_overdue WHERE state = 'QUEUED' AND started = 0"
    " AND queue_deadline < 9223372036854775807 AND queue_deadline <= ?";

}  // namespace

absl::Status SqliteJobTable::SetAside(Database& database, const DamagedJobs& damaged) {
  for (const auto& [key, error] : damaged) {
    LOG_ERROR("a job's record does not decode and is set aside",
              {{"key", absl::StrCat(key)}, {"error", std::string(error.message())}});
    ASSIGN_OR_RETURN(Statement statement,
                     database.Prepare("UPDATE jobs SET state = ? WHERE key = ?"));
    RETURN_IF_ERROR(statement.Bind(kDamagedState).Bind(key).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<std::string>>> SqliteJobTable::QueuedRequirements() {
  // From one distinct value to the next by index search: DISTINCT would walk every queued job.
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(
          "WITH RECURSIVE sets(words) AS ("
          " SELECT min(requirements) FROM jobs INDEXED BY jobs_queue WHERE state = 'QUEUED'"
          " UNION ALL"
          " SELECT (SELECT min(requirements) FROM jobs INDEXED BY jobs_queue"
          "  WHERE state = 'QUEUED' AND requirements > sets.words)"
          " FROM sets WHERE sets.words IS NOT NULL)"
          "SELECT words FROM sets WHERE words IS NOT NULL"));
  std::vector<std::vector<std::string>> sets;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return sets;
    sets.push_back(DecodeWords(statement.Text(0)));
  }
}

absl::StatusOr<std::vector<Tenant>> SqliteJobTable::QueuedTenants(
    const std::vector<std::string>& requirements) {
  // The same jumps, from tenant to tenant. What was set for them comes along: asking for each one
  // by itself would take a thousand queries where a thousand tenants wait.
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(absl::StrCat(
          "WITH RECURSIVE names(name) AS ("
          " SELECT min(tenant) FROM jobs INDEXED BY jobs_queue"
          "  WHERE state = 'QUEUED' AND requirements = ?1"
          " UNION ALL"
          " SELECT (SELECT min(tenant) FROM jobs INDEXED BY jobs_queue"
          "  WHERE state = 'QUEUED' AND requirements = ?1 AND tenant > names.name)"
          " FROM names WHERE names.name IS NOT NULL)"
          "SELECT ",
          kTenantColumns,
          ", name FROM names LEFT JOIN tenants ON tenant = name WHERE name IS NOT NULL")));
  statement.Bind(EncodeWords(requirements));
  std::vector<Tenant> tenants;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return tenants;
    tenants.push_back(ReadTenant(statement, statement.Text(kTenantColumnCount)));
  }
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::NextQueued(
    const std::vector<std::string>& requirements, const std::string& tenant, absl::Time now) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(SelectJobs("INDEXED BY jobs_queue WHERE state = 'QUEUED'"
                                   " AND requirements = ? AND tenant = ? AND not_before <= ?"
                                   " AND NOT EXISTS (SELECT 1 FROM jobs AS twin"
                                   "  WHERE twin.state = 'RUNNING' AND twin.tenant = jobs.tenant"
                                   "  AND twin.work_digest = jobs.work_digest)"
                                   " ORDER BY rank, key")));
  statement.Bind(EncodeWords(requirements)).Bind(tenant).Bind(EncodeTime(now));
  return ReadFirstJob(statement, damaged_);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::QueuedWork(const std::string& tenant,
                                                            const std::string& work_digest,
                                                            int limit) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(SelectJobs(
                       "WHERE state = 'QUEUED' AND tenant = ? AND work_digest = ? ORDER BY key")));
  statement.Bind(tenant).Bind(work_digest);
  return ReadJobs(statement, limit, damaged_);
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::FinishedWork(const std::string& tenant,
                                                                const std::string& work_digest,
                                                                const std::string& engine_version) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(SelectJobs(
                       "WHERE state = 'SUCCEEDED' AND cached = 0 AND tenant = ?"
                       " AND work_digest = ? AND engine_version = ? ORDER BY key DESC")));
  statement.Bind(tenant).Bind(work_digest).Bind(engine_version);
  return ReadFirstJob(statement, damaged_);
}

absl::StatusOr<bool> SqliteJobTable::AnythingDue(absl::Time now) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(absl::StrCat("SELECT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_leases"
                                     " WHERE state = 'RUNNING' AND lease_expire <= ?)"
                                     " OR EXISTS (SELECT 1 ",
                                     kOverdue, ")")));
  statement.Bind(EncodeTime(now)).Bind(EncodeTime(now));
  RETURN_IF_ERROR(statement.Step().status());
  return statement.Int(0) != 0;
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::ExpiredLeases(absl::Time now, int limit) {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(SelectJobs(
                                            "INDEXED BY jobs_leases WHERE state = 'RUNNING' AND "
                                            "lease_expire <= ? ORDER BY lease_expire, key")));
  statement.Bind(EncodeTime(now));
  return ReadJobs(statement, static_cast<size_t>(limit), damaged_);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::OverdueQueued(absl::Time now, int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(absl::StrCat(SelectedJobs(), kOverdue, " ORDER BY queue_deadline, key")));
  statement.Bind(EncodeTime(now));
  return ReadJobs(statement, static_cast<size_t>(limit), damaged_);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::Running() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(SelectJobs("WHERE state = 'RUNNING' ORDER BY key")));
  return ReadJobs(statement, kAll, damaged_);
}

absl::StatusOr<QueueCounts> SqliteJobTable::Count() {
  QueueCounts counts;
  int64_t oldest_queued = 0;
  {
    ASSIGN_OR_RETURN(
        Statement statement,
        database_.Prepare("SELECT state, count(*), min(key) FROM jobs GROUP BY state"));
    while (true) {
      ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) break;
      const absl::StatusOr<JobState> state = DecodeState(statement.Text(0));
      if (!state.ok()) {
        counts.damaged += statement.Int(1);
        continue;
      }
      counts.jobs[*state] = statement.Int(1);
      if (*state == JobState::kQueued) oldest_queued = statement.Int(2);
    }
  }
  if (oldest_queued == 0) return counts;
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT create_time FROM jobs WHERE key = ?"));
  statement.Bind(oldest_queued);
  RETURN_IF_ERROR(statement.Step().status());
  counts.oldest_queued = DecodeTime(statement.Int(0));
  return counts;
}

absl::StatusOr<std::map<std::string, int64_t>> SqliteJobTable::RunningByTenant() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT tenant, count(*) FROM jobs INDEXED BY jobs_state"
                                     " WHERE state = 'RUNNING' GROUP BY tenant"));
  std::map<std::string, int64_t> running;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return running;
    running[statement.Text(0)] = statement.Int(1);
  }
}

absl::StatusOr<int64_t> SqliteJobTable::CountOf(const std::string& tenant, JobState state) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT count(*) FROM jobs INDEXED BY jobs_state"
                                     " WHERE state = ? AND tenant = ?"));
  statement.Bind(ToText(state)).Bind(tenant);
  RETURN_IF_ERROR(statement.Step().status());
  return statement.Int(0);
}

}  // namespace quantd
