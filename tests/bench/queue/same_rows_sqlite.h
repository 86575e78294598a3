// The three transactions of JobQueue as statements alone: the schema of SqliteJobStore, the same
// rows written and the same searches, by SQLite's C interface, prepared once, without rules,
// records or checks. What JobQueue's own code costs is measured against it. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <vector>

namespace quantd::bench {

class SameRowsSqlite {
 public:
  // A new database at `path`, with the settings of SqliteJobStore.
  explicit SameRowsSqlite(const std::string& path);
  SameRowsSqlite(const SameRowsSqlite&) = delete;
  ~SameRowsSqlite();

  // Each is one durable transaction.
  void Enqueue(const std::string& work, const std::string& spec);
  int64_t Lease();
  void Complete(int64_t key, const std::string& report);

 private:
  class Call;

  sqlite3_stmt* Prepare(const char* sql);

  sqlite3* connection_ = nullptr;
  std::vector<sqlite3_stmt*> all_;
  sqlite3_stmt *begin_, *commit_, *find_request_, *count_queued_, *find_finished_, *insert_job_,
      *insert_payload_, *insert_event_, *next_, *next_token_, *lease_, *set_last_lease_, *get_,
      *find_twins_, *insert_artifact_, *complete_;
};

}  // namespace quantd::bench
