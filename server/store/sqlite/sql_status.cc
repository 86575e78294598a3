#include "server/store/sqlite/sql_status.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd::sqlite {
namespace {

constexpr int kPrimaryCodeMask = 0xff;  // Extended codes carry their kind in the low byte.

}  // namespace

absl::Status SqlStatus(sqlite3* connection, absl::string_view action, absl::string_view path) {
  // There is no connection when even its allocation failed.
  const int code = connection == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(connection);
  const char* text = connection == nullptr ? "out of memory" : sqlite3_errmsg(connection);
  const std::string message =
      absl::StrCat("cannot ", action, " ", path, ": ", text, " (SQLite code ", code, ")");
  switch (code & kPrimaryCodeMask) {
    case SQLITE_FULL:
      return MakeError(absl::StatusCode::kResourceExhausted, "DISK_FULL", message);
    case SQLITE_NOTADB:
      return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_NOT_A_DATABASE",
                       absl::StrCat(path, " is not a SQLite database"));
    case SQLITE_CORRUPT:
      return StoreCorrupt(path, text);
    default:
      return MakeError(absl::StatusCode::kInternal, "STORE_FAILED", message);
  }
}

absl::Status StoreCorrupt(absl::string_view path, absl::string_view finding) {
  return MakeError(
      absl::StatusCode::kDataLoss, "STORE_CORRUPT",
      absl::StrCat("database ", path, " is damaged: ", finding, "; restore it from a backup"));
}

absl::Status ForeignDatabase(absl::string_view path) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_NOT_A_DATABASE",
                   absl::StrCat(path, " is a SQLite database of another program"));
}

absl::Status StoreTooNew(absl::string_view path, int64_t version, int64_t newest_known) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORE_TOO_NEW",
                   absl::StrCat(path, " has version ", version, " and this server knows ",
                                newest_known, " at most; run a newer server"));
}

}  // namespace quantd::sqlite
