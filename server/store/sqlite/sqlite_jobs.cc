#include "server/store/sqlite/sqlite_jobs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"
#include "server/store/sqlite/job_row.h"

namespace quantd::sqlite {
namespace {

constexpr char kInsert[] =
    "INSERT INTO jobs (tenant, id, display_name, labels, request_id, request_digest, work_digest, "
    "requirements, priority, max_attempts, queue_timeout, queue_deadline, state, version, "
    "create_time, update_time, not_before, cancel_requested, lease_token, lease_expire_time, "
    "event_count, engine_version, did_work, details) "
    "VALUES (:tenant, :id, :display_name, :labels, :request_id, :request_digest, :work_digest, "
    ":requirements, :priority, :max_attempts, :queue_timeout, :queue_deadline, :state, :version, "
    ":create_time, :update_time, :not_before, :cancel_requested, :lease_token, "
    ":lease_expire_time, :event_count, :engine_version, :did_work, :details) "
    "ON CONFLICT (tenant, id) DO NOTHING";

constexpr char kUpdate[] =
    "UPDATE jobs SET display_name = :display_name, labels = :labels, "
    "queue_deadline = :queue_deadline, state = :state, version = :version, "
    "create_time = :create_time, update_time = :update_time, not_before = :not_before, "
    "cancel_requested = :cancel_requested, lease_token = :lease_token, "
    "lease_expire_time = :lease_expire_time, event_count = :event_count, "
    "engine_version = :engine_version, did_work = :did_work, details = :details "
    "WHERE key = :key";

constexpr char kPutPayload[] =
    "INSERT INTO payloads (job_key, kind, content) VALUES (:key, :kind, :content) "
    "ON CONFLICT (job_key, kind) DO UPDATE SET content = excluded.content";

// No label is asked for that the job lacks.
constexpr char kLabelsMatch[] =
    " AND NOT EXISTS (SELECT 1 FROM json_each(:labels) AS wanted WHERE NOT EXISTS ("
    "SELECT 1 FROM json_each(jobs.labels) AS held "
    "WHERE held.key = wanted.key AND held.value = wanted.value))";

absl::string_view ToText(JobPayload payload) {
  return payload == JobPayload::kSpec ? "spec" : "report";
}

// The text depends on which filters there are, never on their values: at most 32 texts.
std::string ListSql(const JobQuery& query) {
  return absl::StrCat("WHERE tenant = :tenant", query.state ? " AND state = :state" : "",
                      query.display_name ? " AND display_name = :display_name" : "",
                      query.labels.empty() ? "" : kLabelsMatch,
                      !query.after_key     ? ""
                      : query.newest_first ? " AND key < :after_key"
                                           : " AND key > :after_key",
                      " ORDER BY key ", query.newest_first ? "DESC" : "ASC", " LIMIT :limit");
}

absl::Status PutPayload(Connection& connection, int64_t key, JobPayload payload,
                        absl::string_view content) {
  ASSIGN_OR_RETURN(Statement put, connection.Prepare(kPutPayload));
  put.BindInt(":key", key);
  put.BindText(":kind", ToText(payload));
  put.BindBlob(":content", content);
  return put.Run();
}

}  // namespace

absl::StatusOr<Statement> SqliteJobTable::SelectJobs(absl::string_view rest) {
  return connection_.Prepare(absl::StrCat("SELECT ", kJobColumns, " FROM jobs ", rest));
}

absl::StatusOr<Job> SqliteJobTable::Get(const JobName& name) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs("WHERE tenant = :tenant AND id = :id"));
  select.BindText(":tenant", name.tenant);
  select.BindText(":id", name.job);
  ASSIGN_OR_RETURN(std::optional<Job> job, ReadFirstJob(select));
  if (!job) return errors::JobNotFound(name);
  return *std::move(job);
}

absl::StatusOr<std::optional<Job>> SqliteJobTable::FindByRequestId(const std::string& tenant,
                                                                   const std::string& request_id) {
  ASSIGN_OR_RETURN(Statement select,
                   SelectJobs("WHERE tenant = :tenant AND request_id = :request_id "
                              "AND request_id <> '' ORDER BY key DESC LIMIT 1"));
  select.BindText(":tenant", tenant);
  select.BindText(":request_id", request_id);
  return ReadFirstJob(select);
}

absl::StatusOr<std::vector<Job>> SqliteJobTable::List(const JobQuery& query) {
  ASSIGN_OR_RETURN(Statement select, SelectJobs(ListSql(query)));
  select.BindText(":tenant", query.tenant);
  if (query.state) select.BindText(":state", quantd::ToText(*query.state));
  if (query.display_name) select.BindText(":display_name", *query.display_name);
  if (!query.labels.empty()) select.BindText(":labels", EncodeMap(query.labels));
  if (query.after_key) select.BindInt(":after_key", *query.after_key);
  select.BindInt(":limit", std::max(query.limit, 0));  // SQLite takes a negative one for none.
  return ReadJobs(select);
}

absl::StatusOr<int64_t> SqliteJobTable::Insert(const Job& job, absl::string_view spec) {
  ASSIGN_OR_RETURN(Statement insert, connection_.Prepare(kInsert));
  BindRequest(job, insert);
  BindProgress(job, insert);
  RETURN_IF_ERROR(insert.Run());
  if (connection_.changes() == 0) {
    return absl::AlreadyExistsError(absl::StrCat(job.name.ToString(), " exists already"));
  }
  const int64_t key = connection_.last_insert_key();
  RETURN_IF_ERROR(PutPayload(connection_, key, JobPayload::kSpec, spec));
  return key;
}

absl::Status SqliteJobTable::Update(const Job& job) {
  ASSIGN_OR_RETURN(Statement update, connection_.Prepare(kUpdate));
  update.BindInt(":key", job.key);
  BindProgress(job, update);
  RETURN_IF_ERROR(update.Run());
  return connection_.changes() == 0 ? errors::JobNotFound(job.name) : absl::OkStatus();
}

absl::Status SqliteJobTable::Delete(int64_t key) {
  ASSIGN_OR_RETURN(Statement erase, connection_.Prepare("DELETE FROM jobs WHERE key = :key"));
  erase.BindInt(":key", key);
  return erase.Run();
}

absl::StatusOr<std::string> SqliteJobTable::ReadPayload(int64_t key, JobPayload payload) {
  ASSIGN_OR_RETURN(
      Statement select,
      connection_.Prepare("SELECT content FROM payloads WHERE job_key = :key AND kind = :kind"));
  select.BindInt(":key", key);
  select.BindText(":kind", ToText(payload));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found ? select.Text(0) : std::string();
}

absl::Status SqliteJobTable::WriteReport(int64_t key, absl::string_view report) {
  return PutPayload(connection_, key, JobPayload::kReport, report);
}

}  // namespace quantd::sqlite
