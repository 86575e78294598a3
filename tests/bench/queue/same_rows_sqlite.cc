#include "tests/bench/queue/same_rows_sqlite.h"

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "server/store/sqlite/migrations.h"

namespace quantd::bench {
namespace {

// Of the lengths that JobQueue's records have.
constexpr char kQueuedDetails[] = R"({"attempts":[]})";
constexpr char kRunningDetails[] =
    R"({"attempts":[{"number":1,"start_time":1700000000000000000,"worker":"worker"}],"worker":"worker"})";
constexpr char kDoneDetails[] =
    R"({"artifact":"tenants/team/artifacts/01k0000000000000000000000a","attempts":[{"end_time":)"
    R"(1700000000000000000,"number":1,"outcome":0,"start_time":1700000000000000000,"worker":)"
    R"("worker"}],"end_time":1700000000000000000,"progress":{"fraction":1.0}})";
constexpr char kFiles[] =
    R"([{"digest":"0123456789012345678901234567890123456789012345678901234567890123",)"
    R"("name":"model.onnx","size_bytes":17}])";

}  // namespace

// One run of a statement; parameters are bound from left to right.
class SameRowsSqlite::Call {
 public:
  explicit Call(sqlite3_stmt* statement) : statement_(statement) {}
  ~Call() { sqlite3_reset(statement_); }

  Call& Bind(int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Call& Bind(absl::string_view text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
    return *this;
  }
  Call& BindBlob(const std::string& bytes) {
    sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
  }
  void Run() {
    const int code = sqlite3_step(statement_);
    QUANTD_CHECK(code == SQLITE_DONE || code == SQLITE_ROW);
  }
  int64_t Int() {
    QUANTD_CHECK(sqlite3_step(statement_) == SQLITE_ROW);
    return sqlite3_column_int64(statement_, 0);
  }

 private:
  sqlite3_stmt* const statement_;
  int bound_ = 0;
};

SameRowsSqlite::SameRowsSqlite(const std::string& path) {
  QUANTD_CHECK(sqlite3_open(path.c_str(), &connection_) == SQLITE_OK);
  const auto execute = [this](const char* sql) {
    QUANTD_CHECK(sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  execute(
      "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;"
      "PRAGMA cache_size = -16000; PRAGMA foreign_keys = ON;");
  for (const char* migration : Migrations()) execute(migration);
  begin_ = Prepare("BEGIN IMMEDIATE");
  commit_ = Prepare("COMMIT");
  find_request_ = Prepare("SELECT key FROM jobs WHERE tenant = 'team' AND request_id = ?");
  count_queued_ = Prepare("SELECT count(*) FROM jobs WHERE state = 'QUEUED' AND tenant = 'team'");
  find_finished_ = Prepare(
      "SELECT key FROM jobs WHERE state = 'SUCCEEDED' AND cached = 0 AND tenant = 'team'"
      " AND work_digest = ? AND engine_version = '1.0.0' ORDER BY key DESC");
  insert_job_ = Prepare(
      "INSERT INTO jobs (tenant, id, request_id, request_digest, work_digest, requirements,"
      " priority, max_attempts, queue_timeout, queue_deadline, rank, create_time, display_name,"
      " labels, state, version, update_time, not_before, cancel_requested, lease_token,"
      " lease_expire, event_count, engine_version, started, cached, details)"
      " VALUES ('team', substr(?1, 1, 26), ?1, ?1, ?1, 'preset:a', 0, 3, 0,"
      " 9223372036854775807, ?2, ?2, '', '{}', 'QUEUED', 1, ?2, ?2, 0, 0, 0, 1, '', 0, 0, ?3)");
  insert_payload_ = Prepare("INSERT INTO payloads VALUES (?, ?, ?)");
  insert_event_ = Prepare("INSERT INTO events VALUES (?, ?, ?, ?)");
  next_ = Prepare(
      "SELECT * FROM jobs INDEXED BY jobs_queue WHERE state = 'QUEUED' AND"
      " requirements = 'preset:a' AND tenant = 'team' AND not_before <= ? AND NOT EXISTS"
      " (SELECT 1 FROM jobs AS twin WHERE twin.state = 'RUNNING' AND twin.tenant = jobs.tenant"
      " AND twin.work_digest = jobs.work_digest) ORDER BY rank, key");
  next_token_ =
      Prepare("UPDATE counters SET value = value + 1 WHERE name = 'lease_token' RETURNING value");
  lease_ = Prepare(
      "UPDATE jobs SET state = 'RUNNING', version = 2, update_time = ?2, lease_token = 1,"
      " lease_expire = ?2, event_count = 2, started = 1, details = ?3 WHERE key = ?1");
  set_last_lease_ = Prepare(
      "INSERT INTO tenants (tenant, weight, last_lease) VALUES ('team', 1, ?1)"
      " ON CONFLICT (tenant) DO UPDATE SET last_lease = ?1");
  get_ = Prepare("SELECT * FROM jobs WHERE key = ?");
  find_twins_ = Prepare(
      "SELECT key FROM jobs WHERE state = 'QUEUED' AND tenant = 'team' AND work_digest ="
      " (SELECT work_digest FROM jobs WHERE key = ?) ORDER BY key");
  insert_artifact_ = Prepare(
      "INSERT INTO artifacts (tenant, id, files, create_time, job, labels, digest) VALUES"
      " ('team', 'artifact-' || ?1, ?2, ?3, 'tenants/team/jobs/' || ?1, '{}',"
      " '0123456789012345678901234567890123456789012345678901234567890123')");
  complete_ = Prepare(
      "UPDATE jobs SET state = 'SUCCEEDED', version = 3, update_time = ?2, lease_expire = 0,"
      " event_count = 3, engine_version = '1.0.0', details = ?3 WHERE key = ?1");
}

SameRowsSqlite::~SameRowsSqlite() {
  for (sqlite3_stmt* statement : all_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

sqlite3_stmt* SameRowsSqlite::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  QUANTD_CHECK(sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr) == SQLITE_OK);
  all_.push_back(statement);
  return statement;
}

void SameRowsSqlite::Enqueue(const std::string& work, const std::string& spec) {
  Call(begin_).Run();
  Call(find_request_).Bind(work).Run();
  Call(find_finished_).Bind(work).Run();
  Call(count_queued_).Run();
  Call(insert_job_).Bind(work).Bind(int64_t{1}).Bind(kQueuedDetails).Run();
  const int64_t key = sqlite3_last_insert_rowid(connection_);
  Call(insert_payload_).Bind(key).Bind("spec").BindBlob(spec).Run();
  Call(insert_event_).Bind(key).Bind(int64_t{1}).Bind(int64_t{1}).Bind(R"({"state":0})").Run();
  Call(commit_).Run();
}

int64_t SameRowsSqlite::Lease() {
  Call(begin_).Run();
  const int64_t key = Call(next_).Bind(int64_t{1} << 62).Int();
  const int64_t token = Call(next_token_).Int();
  Call(lease_).Bind(key).Bind(token).Bind(kRunningDetails).Run();
  Call(insert_event_).Bind(key).Bind(int64_t{2}).Bind(int64_t{1}).Bind(R"({"state":1})").Run();
  Call(set_last_lease_).Bind(token).Run();
  Call(commit_).Run();
  return key;
}

void SameRowsSqlite::Complete(int64_t key, const std::string& report) {
  Call(begin_).Run();
  Call(get_).Bind(key).Run();
  Call(insert_artifact_).Bind(key).Bind(kFiles).Bind(int64_t{1}).Run();
  Call(insert_payload_).Bind(key).Bind("report").BindBlob(report).Run();
  Call(complete_).Bind(key).Bind(int64_t{2}).Bind(kDoneDetails).Run();
  Call(insert_event_).Bind(key).Bind(int64_t{3}).Bind(int64_t{1}).Bind(R"({"state":2})").Run();
  Call(find_twins_).Bind(key).Run();
  Call(commit_).Run();
}

}  // namespace quantd::bench
