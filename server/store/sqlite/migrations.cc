#include "server/store/sqlite/migrations.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// "qntd": tells our databases from others'.
constexpr int64_t kApplicationId = 0x716e7464;

// Times are nanoseconds since 1970. Columns are what is searched, sorted or counted; `details`
// holds the rest (server/core/job_codec.h).
constexpr char kVersion1[] = R"sql(
CREATE TABLE jobs (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  display_name TEXT NOT NULL,
  labels TEXT NOT NULL,
  request_id TEXT,
  request_digest TEXT NOT NULL,
  work_digest TEXT NOT NULL,
  requirements TEXT NOT NULL,
  priority INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  queue_timeout INTEGER NOT NULL,
  queue_deadline INTEGER NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL,
  lease_token INTEGER NOT NULL,
  lease_expire INTEGER NOT NULL,
  event_count INTEGER NOT NULL,
  engine_version TEXT NOT NULL,
  started INTEGER NOT NULL,
  cached INTEGER NOT NULL,
  details TEXT NOT NULL
);
CREATE UNIQUE INDEX jobs_name ON jobs(tenant, id);
CREATE UNIQUE INDEX jobs_request ON jobs(tenant, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX jobs_list ON jobs(tenant, key);
CREATE INDEX jobs_list_state ON jobs(tenant, state, key);
CREATE INDEX jobs_count ON jobs(state, create_time);
CREATE INDEX jobs_queue ON jobs(requirements, priority DESC, key) WHERE state = 'QUEUED';
CREATE INDEX jobs_overdue ON jobs(queue_deadline) WHERE state = 'QUEUED' AND started = 0;
CREATE INDEX jobs_work_queued ON jobs(tenant, work_digest, key) WHERE state = 'QUEUED';
CREATE INDEX jobs_work_running ON jobs(tenant, work_digest) WHERE state = 'RUNNING';
CREATE INDEX jobs_work_done ON jobs(tenant, work_digest, engine_version, key)
  WHERE state = 'SUCCEEDED' AND cached = 0;
CREATE INDEX jobs_leases ON jobs(lease_expire) WHERE state = 'RUNNING';

CREATE TABLE payloads (
  job_key INTEGER NOT NULL REFERENCES jobs(key) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (job_key, kind)
) WITHOUT ROWID;

CREATE TABLE events (
  job_key INTEGER NOT NULL REFERENCES jobs(key) ON DELETE CASCADE,
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
  job TEXT NOT NULL,
  labels TEXT NOT NULL,
  digest TEXT NOT NULL
);
CREATE UNIQUE INDEX artifacts_name ON artifacts(tenant, id);
CREATE INDEX artifacts_list ON artifacts(tenant, key);

CREATE TABLE catalogues (
  digest TEXT PRIMARY KEY,
  engine_version TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  content BLOB NOT NULL,
  last_seen INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('lease_token', 0);
)sql";

// Tenants and tokens. Limits that are NULL are the server's defaults. `rank` is RankOf(): the queue
// is walked by it, tenant by tenant. Fewer indexes of the queue than before: each one is another
// page to write in every transaction. And what the garbage collector asks: which blobs jobs read,
// which jobs ended long ago, which artifacts are a job's result.
constexpr char kVersion2[] = R"sql(
DROP INDEX jobs_queue;
ALTER TABLE jobs ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET rank = create_time - priority * 600000000000;
CREATE INDEX jobs_queue ON jobs(requirements, tenant, rank, key) WHERE state = 'QUEUED';

DROP INDEX jobs_list_state;
DROP INDEX jobs_count;
CREATE INDEX jobs_state ON jobs(state, tenant, key);

DROP INDEX jobs_work_queued;
DROP INDEX jobs_work_running;
CREATE INDEX jobs_work_live ON jobs(tenant, work_digest, state, key)
  WHERE state = 'QUEUED' OR state = 'RUNNING';

DROP INDEX jobs_overdue;
CREATE INDEX jobs_overdue ON jobs(queue_deadline)
  WHERE state = 'QUEUED' AND started = 0 AND queue_deadline < 9223372036854775807;

CREATE TABLE tenants (
  tenant TEXT PRIMARY KEY,
  stored_bytes_max INTEGER,
  queued_jobs_max INTEGER,
  running_jobs_max INTEGER,
  calls_per_second REAL,
  retention INTEGER,
  weight REAL NOT NULL,
  last_lease INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('paused', 0);

-- Roles are bits; of secrets there are SHA-256 hashes only.
CREATE TABLE tokens (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  roles INTEGER NOT NULL,
  description TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER,
  secret_hash TEXT NOT NULL,
  old_secret_hash TEXT NOT NULL,
  old_secret_until INTEGER NOT NULL,
  revoke_time INTEGER,
  rotate_time INTEGER
);
CREATE UNIQUE INDEX tokens_id ON tokens(id);
CREATE INDEX tokens_list ON tokens(tenant, key);

CREATE TABLE job_inputs (
  job_key INTEGER NOT NULL REFERENCES jobs(key) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  PRIMARY KEY (job_key, digest)
) WITHOUT ROWID;
INSERT INTO counters VALUES ('inputs_complete', 0);
CREATE INDEX jobs_finished ON jobs(tenant, update_time)
  WHERE state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'DEAD_LETTERED');
CREATE INDEX jobs_artifact ON jobs(tenant, json_extract(details, '$.artifact'))
  WHERE state = 'SUCCEEDED';
)sql";

// Catalogues belong to tenants; those of before to workers of all of them.
constexpr char kVersion3[] = R"sql(
ALTER TABLE catalogues RENAME TO old_catalogues;
CREATE TABLE catalogues (
  tenant TEXT NOT NULL,
  digest TEXT NOT NULL,
  engine_version TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  content BLOB NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (tenant, digest)
) WITHOUT ROWID;
INSERT INTO catalogues
  SELECT '-', digest, engine_version, capabilities, content, last_seen FROM old_catalogues;
DROP TABLE old_catalogues;
)sql";

constexpr const char* kMigrations[] = {kVersion1, kVersion2, kVersion3};

absl::StatusOr<int64_t> Pragma(Database& database, const std::string& name) {
  ASSIGN_OR_RETURN(Statement statement, database.Prepare("PRAGMA " + name));
  RETURN_IF_ERROR(statement.Step().status());
  return statement.Int(0);
}

}  // namespace

std::span<const char* const> Migrations() { return kMigrations; }

absl::Status Migrate(Database& database, std::span<const char* const> migrations) {
  ASSIGN_OR_RETURN(const int64_t version, Pragma(database, "user_version"));
  ASSIGN_OR_RETURN(const int64_t application, Pragma(database, "application_id"));
  ASSIGN_OR_RETURN(const int64_t changes, Pragma(database, "schema_version"));
  const bool fresh = changes == 0 && version == 0;
  if (!fresh && application != kApplicationId) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_DAMAGED",
                     "the database belongs to another program");
  }
  if (version > static_cast<int64_t>(migrations.size())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_TOO_NEW",
                     absl::StrCat("the database has version ", version, "; this program knows ",
                                  migrations.size(), ": use a newer one"));
  }
  for (size_t i = static_cast<size_t>(version); i < migrations.size(); ++i) {
    const absl::Status status = database.Execute(
        absl::StrCat("BEGIN IMMEDIATE;", migrations[i], "PRAGMA user_version = ", i + 1,
                     "; PRAGMA application_id = ", kApplicationId, "; COMMIT;"));
    if (!status.ok()) {
      if (database.in_transaction()) RETURN_IF_ERROR(database.Execute("ROLLBACK"));
      return Annotate(status, absl::StrCat("migrating to version ", i + 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace quantd
