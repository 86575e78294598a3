#include "tests/bench/queue/bare_sqlite.h"

#include "common/check.h"

namespace quantd::bench {
namespace {

void Run(sqlite3_stmt* statement) {
  QUANTD_CHECK(sqlite3_step(statement) == SQLITE_DONE);
  sqlite3_reset(statement);
}

void BindBytes(sqlite3_stmt* statement, int place, const std::string& bytes) {
  QUANTD_CHECK(sqlite3_bind_blob64(statement, place, bytes.data(), bytes.size(), SQLITE_STATIC) ==
               SQLITE_OK);
}

}  // namespace

BareSqlite::BareSqlite(const std::string& path) {
  QUANTD_CHECK(sqlite3_open(path.c_str(), &connection_) == SQLITE_OK);
  QUANTD_CHECK(sqlite3_exec(connection_,
                            "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL; PRAGMA "
                            "wal_autocheckpoint = 4000; PRAGMA cache_size = -16000;"
                            "CREATE TABLE jobs (key INTEGER PRIMARY KEY, state TEXT NOT NULL,"
                            " token INTEGER NOT NULL, spec BLOB NOT NULL, report BLOB)",
                            nullptr, nullptr, nullptr) == SQLITE_OK);
  insert_ = Prepare("INSERT INTO jobs (state, token, spec) VALUES ('QUEUED', 0, ?)");
  lease_ = Prepare("UPDATE jobs SET state = 'RUNNING', token = token + 1 WHERE key = ?");
  complete_ = Prepare("UPDATE jobs SET state = 'SUCCEEDED', report = ? WHERE key = ?");
}

BareSqlite::~BareSqlite() {
  for (sqlite3_stmt* statement : {insert_, lease_, complete_}) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

sqlite3_stmt* BareSqlite::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  QUANTD_CHECK(sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr) == SQLITE_OK);
  return statement;
}

int64_t BareSqlite::Enqueue(const std::string& spec) {
  BindBytes(insert_, 1, spec);
  Run(insert_);
  return sqlite3_last_insert_rowid(connection_);
}

void BareSqlite::Lease(int64_t key) {
  sqlite3_bind_int64(lease_, 1, key);
  Run(lease_);
}

void BareSqlite::Complete(int64_t key, const std::string& report) {
  BindBytes(complete_, 1, report);
  sqlite3_bind_int64(complete_, 2, key);
  Run(complete_);
}

}  // namespace quantd::bench
