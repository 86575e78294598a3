// SQLite as Status and RAII: a connection, its prepared statements, and the one place where
// SQLite's codes become errors. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// One run of a prepared statement: bind, step, read columns. Resets the statement at its end.
class Statement {
 public:
  Statement(sqlite3* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Values in the order of the statement's question marks.
  Statement& Bind(int64_t value);
  Statement& Bind(double value);
  Statement& Bind(absl::string_view text);
  Statement& BindBlob(absl::string_view bytes);
  Statement& BindNull();

  // Whether there is a row.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  // Columns of the present row, from 0.
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string Text(int column) const;  // Text or blob; empty for NULL.
  bool IsNull(int column) const;

 private:
  sqlite3* connection_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int bind_error_ = SQLITE_OK;
};

// The first column of all rows of a bound statement.
absl::StatusOr<std::vector<std::string>> ReadTexts(Statement& statement);

class Database {
 public:
  // Opens or creates, through the SQLite VFS of that name; empty: the system's.
  // FAILED_PRECONDITION, reason STORE_DAMAGED, for a file that is no database.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const std::string& vfs = "");
  ~Database();

  // Any number of statements without rows or whose rows do not matter.
  absl::Status Execute(const std::string& sql);

  // Prepared once a text. REQUIRES: the run before with the same text has ended.
  absl::StatusOr<Statement> Prepare(const std::string& sql);

  // The texts of all statements prepared so far, sorted: what tests explain the plans of.
  std::vector<std::string> prepared_sql() const;

  bool in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}

  sqlite3* connection_;
  std::map<std::string, sqlite3_stmt*> prepared_;
};

// RESOURCE_EXHAUSTED, reason DISK_FULL; FAILED_PRECONDITION, reason STORE_DAMAGED; INTERNAL, reason
// STORE_FAILED; with SQLite's message.
absl::Status SqliteError(sqlite3* connection, int code);

}  // namespace quantd
