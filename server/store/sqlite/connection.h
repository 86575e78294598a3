// One connection to a SQLite database with its cache of prepared statements. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/sqlite/statement.h"

namespace quantd::sqlite {

enum class Access {
  kWrite,  // Creates the file when it is missing. Every commit is synced to the disk.
  kRead,   // Refuses to write.
};

class Connection {
 public:
  // Nothing is read or written yet. Errors: those of SqlStatus(), as everywhere here.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& path() const { return path_; }

  // The statement of `sql`, compiled at first use and kept. REQUIRES: no other Statement of the
  // same SQL is alive; the texts are of bounded number, so values are bound and never part of them.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);

  // Runs one or more statements without parameters; their rows are dropped. Not cached.
  absl::Status Run(const std::string& sql);

  // The single integer that `sql` selects.
  absl::StatusOr<int64_t> SelectInt(const std::string& sql);

  // Keeps readers and the writer out of each other's way. FAILED_PRECONDITION, reason
  // WAL_UNSUPPORTED, on file systems without shared memory.
  absl::Status UseWriteAheadLog();

  // Transactions. After a statement failed, all further ones fail with the same error and Commit()
  // does, too: SQLite may have rolled back by itself, and what came later would be written outside
  // of the transaction.
  absl::Status Begin();  // Reads from a snapshot of the first statement on; Access::kWrite excludes
                         // other writers.
  absl::Status Commit();  // Rolls back when it fails.
  void Rollback();

  // Rows that the latest INSERT, UPDATE or DELETE changed.
  int64_t changes() const { return sqlite3_changes64(handle_); }
  int64_t last_insert_key() const { return sqlite3_last_insert_rowid(handle_); }

  // The error that ended the transaction; OK while it is sound.
  const absl::Status& failure() const { return failure_; }
  // Turns SQLite's latest error into a Status and, in a transaction, makes it failure().
  absl::Status Fail(absl::string_view action);

  // The texts of all statements prepared so far, sorted.
  std::vector<std::string> PreparedSql() const;

 private:
  Connection(sqlite3* handle, std::string path, Access access)
      : handle_(handle), path_(std::move(path)), access_(access) {}

  sqlite3* handle_;
  const std::string path_;
  const Access access_;
  std::map<std::string, CachedStatement, std::less<>> statements_;
  bool in_transaction_ = false;
  absl::Status failure_;
};

}  // namespace quantd::sqlite
