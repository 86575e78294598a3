// SQLite's result codes become a Status here and nowhere else. Pure functions.
#pragma once

#include <sqlite3.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd::sqlite {

// "cannot <action> <path>: <SQLite's message>" from the connection's latest error.
//
// SQLITE_FULL     RESOURCE_EXHAUSTED, reason DISK_FULL.
// SQLITE_NOTADB   FAILED_PRECONDITION, reason STORE_NOT_A_DATABASE.
// SQLITE_CORRUPT  DATA_LOSS, reason STORE_CORRUPT.
// all others      INTERNAL, reason STORE_FAILED.
absl::Status SqlStatus(sqlite3* connection, absl::string_view action, absl::string_view path);

// What quick_check found in the file.
absl::Status StoreCorrupt(absl::string_view path, absl::string_view finding);

// A SQLite database that another program made.
absl::Status ForeignDatabase(absl::string_view path);

// The database was written by a newer server.
absl::Status StoreTooNew(absl::string_view path, int64_t version, int64_t newest_known);

}  // namespace quantd::sqlite
