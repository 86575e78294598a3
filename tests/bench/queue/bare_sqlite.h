// The least that a queue on SQLite can do: one table without a second index, one row a job, one
// statement a transaction. What JobQueue does beyond it is measured against it. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

namespace quantd::bench {

class BareSqlite {
 public:
  // A new database at `path`, with the settings of SqliteJobStore.
  explicit BareSqlite(const std::string& path);
  BareSqlite(const BareSqlite&) = delete;
  ~BareSqlite();

  // Each is one durable transaction.
  int64_t Enqueue(const std::string& spec);
  void Lease(int64_t key);
  void Complete(int64_t key, const std::string& report);

 private:
  sqlite3_stmt* Prepare(const char* sql);

  sqlite3* connection_ = nullptr;
  sqlite3_stmt* insert_;
  sqlite3_stmt* lease_;
  sqlite3_stmt* complete_;
};

}  // namespace quantd::bench
