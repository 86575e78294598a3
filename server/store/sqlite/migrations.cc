#include "server/store/sqlite/migrations.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/store/sqlite/sql_status.h"

namespace quantd::sqlite {
namespace {

// Times are nanoseconds since 1970; states are spelled as in the API. `details`, `labels` and
// `content` are JSON.
//
// Partial indexes hold only the jobs that a question is about, so that a long history does not slow
// the queue. SQLite uses one only for a statement that repeats its condition as literal text.
constexpr char kFirstTables[] = R"sql(
CREATE TABLE jobs (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  display_name TEXT NOT NULL,
  labels TEXT NOT NULL,
  request_id TEXT NOT NULL,       -- Empty: none.
  request_digest TEXT NOT NULL,
  work_digest TEXT NOT NULL,
  requirements TEXT NOT NULL,     -- One a line, sorted.
  priority INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  queue_timeout INTEGER NOT NULL, -- Nanoseconds.
  queue_deadline INTEGER,         -- NULL once the job has started.
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL,
  lease_token INTEGER NOT NULL,
  lease_expire_time INTEGER NOT NULL,
  event_count INTEGER NOT NULL,
  engine_version TEXT NOT NULL,
  did_work INTEGER NOT NULL,      -- 0: the result is another job's.
  details TEXT NOT NULL
);
CREATE UNIQUE INDEX jobs_name ON jobs (tenant, id);
CREATE INDEX jobs_request ON jobs (tenant, request_id, key) WHERE request_id <> '';
CREATE INDEX jobs_tenant ON jobs (tenant, key);
CREATE INDEX jobs_tenant_state ON jobs (tenant, state, key);
CREATE INDEX jobs_state ON jobs (state, create_time);
CREATE INDEX jobs_next ON jobs (requirements, priority DESC, key, not_before)
  WHERE state = 'QUEUED';
CREATE INDEX jobs_queued_work ON jobs (tenant, work_digest, key) WHERE state = 'QUEUED';
CREATE INDEX jobs_running_work ON jobs (tenant, work_digest, key) WHERE state = 'RUNNING';
CREATE INDEX jobs_finished_work ON jobs (tenant, work_digest, engine_version, key)
  WHERE state = 'SUCCEEDED' AND did_work = 1;
CREATE INDEX jobs_lease ON jobs (lease_expire_time, key) WHERE state = 'RUNNING';
CREATE INDEX jobs_deadline ON jobs (queue_deadline, key)
  WHERE state = 'QUEUED' AND queue_deadline IS NOT NULL;

-- Apart from jobs, so that lists do not read past them.
CREATE TABLE payloads (
  job_key INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (job_key, kind)
);

CREATE TABLE events (
  job_key INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  time INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (job_key, sequence)
) WITHOUT ROWID;

CREATE TABLE artifacts (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  files TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  job TEXT NOT NULL,              -- Resource name; empty for uploads.
  labels TEXT NOT NULL,
  digest TEXT NOT NULL
);
CREATE UNIQUE INDEX artifacts_name ON artifacts (tenant, id);
CREATE INDEX artifacts_tenant ON artifacts (tenant, key);

CREATE TABLE catalogues (
  digest TEXT PRIMARY KEY,
  engine_version TEXT NOT NULL,
  capabilities TEXT NOT NULL,     -- One a line, sorted.
  content BLOB NOT NULL,
  last_seen INTEGER NOT NULL
);

CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('lease_token', 0);
)sql";

constexpr const char* kMigrations[] = {kFirstTables};

absl::Status TakeStep(Connection& connection, const char* sql, int64_t version) {
  RETURN_IF_ERROR(connection.Begin());
  absl::Status status = connection.Run(sql);
  if (status.ok()) {
    status = connection.Run(absl::StrCat("PRAGMA application_id = ", kApplicationId,
                                         "; PRAGMA user_version = ", version));
  }
  if (!status.ok()) {
    connection.Rollback();
    return status;
  }
  return connection.Commit();
}

}  // namespace

std::span<const char* const> Migrations() { return kMigrations; }

absl::Status Migrate(Connection& connection, std::span<const char* const> migrations) {
  const int64_t known = static_cast<int64_t>(migrations.size());
  ASSIGN_OR_RETURN(const int64_t application, connection.SelectInt("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t objects,
                   connection.SelectInt("SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || objects > 0)) {
    return ForeignDatabase(connection.path());
  }
  ASSIGN_OR_RETURN(const int64_t version, connection.SelectInt("PRAGMA user_version"));
  if (version > known) return StoreTooNew(connection.path(), version, known);
  for (int64_t step = version; step < known; ++step) {
    RETURN_IF_ERROR(TakeStep(connection, migrations[static_cast<size_t>(step)], step + 1));
  }
  return absl::OkStatus();
}

}  // namespace quantd::sqlite
