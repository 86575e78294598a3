#include "server/store/sqlite/connection.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/store/sqlite/sql_status.h"

namespace quantd::sqlite {
namespace {

// Only backup tools and operators' shells ever hold a lock against the server, and only briefly.
constexpr int kBusyTimeoutMs = 10'000;

// A commit returns after its fsync: what a client was told survives a power cut.
constexpr char kWritePragmas[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA trusted_schema = OFF;";

constexpr char kReadPragmas[] =
    "PRAGMA query_only = ON;"
    "PRAGMA trusted_schema = OFF;";

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path,
                                                             Access access) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (access == Access::kWrite) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  auto close = absl::MakeCleanup([&handle] { sqlite3_close_v2(handle); });
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  if (code == SQLITE_OK) {
    const char* pragmas = access == Access::kWrite ? kWritePragmas : kReadPragmas;
    code = sqlite3_exec(handle, pragmas, nullptr, nullptr, nullptr);
  }
  if (code != SQLITE_OK) return SqlStatus(handle, "open", path);
  std::move(close).Cancel();
  return std::unique_ptr<Connection>(new Connection(handle, path, access));
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) {
    QUANTD_CHECK(!statement.in_use);
    sqlite3_finalize(statement.handle);
  }
  sqlite3_close_v2(handle_);
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  const std::string text(sql);
  auto found = statements_.find(text);
  if (found == statements_.end()) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, text.c_str(), static_cast<int>(text.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return Fail("prepare a statement for");
    found = statements_.emplace(text, CachedStatement{.handle = handle}).first;
  }
  return Statement(this, &found->second);
}

absl::Status Connection::Run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return Fail("write");
}

absl::StatusOr<int64_t> Connection::SelectInt(const std::string& sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  QUANTD_CHECK(found);
  return statement.Int(0);
}

absl::Status Connection::UseWriteAheadLog() {
  ASSIGN_OR_RETURN(Statement statement, Prepare("PRAGMA journal_mode = WAL"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (row && statement.Text(0) == "wal") return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "WAL_UNSUPPORTED",
                   absl::StrCat("the file system of ", path_,
                                " cannot hold a write-ahead log; use a local disk"));
}

absl::Status Connection::Begin() {
  QUANTD_CHECK(!in_transaction_);
  ASSIGN_OR_RETURN(Statement begin,
                   Prepare(access_ == Access::kWrite ? "BEGIN IMMEDIATE" : "BEGIN"));
  RETURN_IF_ERROR(begin.Run());
  in_transaction_ = true;
  return absl::OkStatus();
}

absl::Status Connection::Commit() {
  absl::Status status = failure_;
  if (status.ok()) {
    absl::StatusOr<Statement> commit = Prepare("COMMIT");
    status = commit.ok() ? commit->Run() : commit.status();
  }
  if (!status.ok()) {
    Rollback();
    return status;
  }
  in_transaction_ = false;
  return absl::OkStatus();
}

void Connection::Rollback() {
  in_transaction_ = false;
  failure_ = absl::OkStatus();
  if (sqlite3_get_autocommit(handle_)) return;  // SQLite did it itself.
  // A rollback fails only together with the file itself; the journal is then rolled back at the
  // next start.
  sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

absl::Status Connection::Fail(absl::string_view action) {
  absl::Status status = SqlStatus(handle_, action, path_);
  if (in_transaction_) failure_ = status;
  return status;
}

std::vector<std::string> Connection::PreparedSql() const {
  std::vector<std::string> texts;
  for (const auto& [sql, statement] : statements_) texts.push_back(sql);
  return texts;
}

}  // namespace quantd::sqlite
