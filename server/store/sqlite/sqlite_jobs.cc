#include "server/store/sqlite/sqlite_jobs.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"
#include "server/store/sqlite/job_rows.h"
#include "server/store/sqlite/sqlite_tenants.h"

namespace quantd {
namespace {

// "?, ?, ?" for a list of columns.
std::string Marks(absl::string_view columns) {
  const std::vector<absl::string_view> names = absl::StrSplit(columns, ", ");
  return absl::StrJoin(std::vector<absl::string_view>(names.size(), "?"), ", ");
}

// "a = ?, b = ?" for a list of columns.
std::string Assignments(absl::string_view columns) {
  const std::vector<absl::string_view> names = absl::StrSplit(columns, ", ");
  return absl::StrCat(absl::StrJoin(names, " = ?, "), " = ?");
}

// One text a combination of filters, so that each is prepared once. Values are always bound.
std::string ListSql(const JobQuery& query) {
  std::string where = absl::StrCat("WHERE tenant = ? AND state <> '", kDamagedState, "'");
  if (query.state) absl::StrAppend(&where, " AND state = ?");
  if (query.display_name) absl::StrAppend(&where, " AND display_name = ?");
  for (size_t i = 0; i < query.labels.size(); ++i) {
    absl::StrAppend(&where,
                    " AND EXISTS (SELECT 1 FROM json_each(jobs.labels) AS label "
                    "WHERE label.key = ? AND label.value = ?)");
  }
  absl::StrAppend(
      &where, query.newest_first ? " AND key < ? ORDER BY key DESC" : " AND key > ? ORDER BY key");
  return SelectJobs(where);
}

}  // namespace

absl::StatusOr<Job> SqliteJobTable::Get(const JobName& name) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(SelectJobs("WHERE tenant = ? AND id = ?")));
  statement.Bind(name.tenant).Bind(name.job);
  ASSIGN_OR_RETURN(std::optional<Job> job, ReadTheJob(statement));
  if (!job) return errors::JobNotFound(name);
  return *std::move(job);
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::FindByRequestId(const std::string& tenant,
                                                                   const std::string& request_id) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(SelectJobs("WHERE tenant = ? AND request_id = ?")));
  statement.Bind(tenant).Bind(request_id);
  return ReadTheJob(statement);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::List(const JobQuery& query) {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(ListSql(query)));
  statement.Bind(query.tenant);
  if (query.state) statement.Bind(ToText(*query.state));
  if (query.display_name) statement.Bind(*query.display_name);
  for (const auto& [key, value] : query.labels) statement.Bind(key).Bind(value);
  const int64_t first = query.newest_first ? std::numeric_limits<int64_t>::max() : 0;
  statement.Bind(query.after_key.value_or(first));
  return ReadJobs(statement, static_cast<size_t>(std::max(query.limit, 0)), damaged_);
}

absl::StatusOr<int64_t> SqliteJobTable::Insert(const Job& job, absl::string_view spec) {
  const absl::Status existing = Get(job.name).status();
  if (existing.ok()) {
    return absl::AlreadyExistsError(absl::StrCat(job.name.ToString(), " exists already"));
  }
  // A read that failed may have ended the transaction; an insertion now would be outside of it.
  if (!absl::IsNotFound(existing)) return existing;
  int64_t key = 0;
  {
    ASSIGN_OR_RETURN(Statement statement,
                     database_.Prepare(absl::StrCat(
                         "INSERT INTO jobs (", kFixedColumns, ", ", kChangingColumns, ") VALUES (",
                         Marks(kFixedColumns), ", ", Marks(kChangingColumns), ") RETURNING key")));
    BindFixedColumns(job, statement);
    BindChangingColumns(job, statement);
    RETURN_IF_ERROR(statement.Step().status());
    key = statement.Int(0);
    // The row is written when the statement has come to its end.
    RETURN_IF_ERROR(statement.Step().status());
  }
  RETURN_IF_ERROR(WritePayload(key, "spec", spec));
  RETURN_IF_ERROR(AddInputs(key, job.traits.inputs));
  return key;
}

absl::Status SqliteJobTable::Update(const Job& job) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat("UPDATE jobs SET ", Assignments(kChangingColumns),
                                                  " WHERE key = ?")));
  BindChangingColumns(job, statement);
  return statement.Bind(job.key).Run();
}

absl::Status SqliteJobTable::Delete(int64_t key) {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare("DELETE FROM jobs WHERE key = ?"));
  return statement.Bind(key).Run();
}

absl::StatusOr<bool> SqliteJobTable::HasInput(int64_t key, const std::string& digest) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT 1 FROM job_inputs WHERE job_key = ? AND digest = ?"));
  return statement.Bind(key).Bind(digest).Step();
}

absl::StatusOr<std::vector<std::string>> SqliteJobTable::Inputs(const std::string& tenant) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT DISTINCT digest FROM jobs JOIN job_inputs"
                                     " ON job_key = key WHERE tenant = ? ORDER BY digest"));
  statement.Bind(tenant);
  return ReadTexts(statement);
}

absl::StatusOr<bool> SqliteJobTable::InputsAreComplete() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT value FROM counters WHERE name = 'inputs_complete'"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row && statement.Int(0) != 0;
}

absl::Status SqliteJobTable::AddInputs(int64_t key, const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) {
    ASSIGN_OR_RETURN(Statement statement,
                     database_.Prepare("INSERT OR IGNORE INTO job_inputs VALUES (?, ?)"));
    RETURN_IF_ERROR(statement.Bind(key).Bind(digest).Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteJobTable::SetInputsComplete() {
  return database_.Execute("UPDATE counters SET value = 1 WHERE name = 'inputs_complete'");
}

absl::StatusOr<std::vector<std::string>> SqliteJobTable::Tenants() {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(SelectTenantsOf("jobs")));
  return ReadTexts(statement);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::FinishedUntil(const std::string& tenant,
                                                               absl::Time time, int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(SelectJobs(
          "INDEXED BY jobs_finished "
          "WHERE state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'DEAD_LETTERED')"
          " AND tenant = ? AND update_time <= ? ORDER BY update_time, key")));
  statement.Bind(tenant).Bind(EncodeTime(time));
  return ReadJobs(statement, static_cast<size_t>(limit), damaged_);
}

absl::StatusOr<std::string> SqliteJobTable::ReadPayload(int64_t key, JobPayload payload) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT bytes FROM payloads WHERE job_key = ? AND kind = ?"));
  statement.Bind(key).Bind(payload == JobPayload::kSpec ? "spec" : "report");
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : std::string();
}

absl::Status SqliteJobTable::WriteReport(int64_t key, absl::string_view report) {
  return WritePayload(key, "report", report);
}

absl::Status SqliteJobTable::WritePayload(int64_t key, absl::string_view kind,
                                          absl::string_view bytes) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("INSERT OR REPLACE INTO payloads VALUES (?, ?, ?)"));
  return statement.Bind(key).Bind(kind).BindBlob(bytes).Run();
}

absl::StatusOr<uint64_t> SqliteJobTable::NextToken() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("UPDATE counters SET value = value + 1 "
                                     "WHERE name = 'lease_token' RETURNING value"));
  RETURN_IF_ERROR(statement.Step().status());
  const int64_t token = statement.Int(0);
  RETURN_IF_ERROR(statement.Step().status());
  return static_cast<uint64_t>(token);
}

}  // namespace quantd
