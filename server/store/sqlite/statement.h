// A prepared statement, borrowed from a Connection's cache for one execution and given back clean.
// Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd::sqlite {

// One statement of a cache. The cache owns it; a Statement marks it as taken.
struct CachedStatement {
  sqlite3_stmt* handle = nullptr;
  bool in_use = false;
};

class Connection;

class Statement {
 public:
  // Takes `cached` until destruction. REQUIRES: it is not in use; both outlive this.
  Statement(Connection* connection, CachedStatement* cached);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Set the parameter of that name, ":tenant" say; those never set are NULL. Bytes are copied. A
  // failure is what the next Step() returns. REQUIRES: the SQL has the parameter.
  void BindInt(const char* parameter, int64_t value);
  void BindText(const char* parameter, absl::string_view value);
  void BindBlob(const char* parameter, absl::string_view value);

  // Whether there is a row, which Int() and Text() then read. Errors: those of SqlStatus().
  absl::StatusOr<bool> Step();

  // Runs a statement that returns no rows to its end.
  absl::Status Run();

  // Columns count from 0. REQUIRES: Step() returned true.
  int64_t Int(int column) const;
  std::string Text(int column) const;  // Text or blob, all bytes.
  bool IsNull(int column) const;

 private:
  int IndexOf(const char* parameter) const;

  Connection* connection_;
  CachedStatement* cached_;  // Null after a move.
  int bind_error_ = SQLITE_OK;
};

}  // namespace quantd::sqlite
