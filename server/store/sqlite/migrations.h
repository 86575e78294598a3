// The schema, as the steps that lead to it. A step that has been released never changes; a new one
// is added behind it.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "server/store/sqlite/database.h"

namespace quantd {

// Step i leads from version i to version i + 1.
std::span<const char* const> Migrations();

// Brings the database to the newest version, step by step, each in a transaction.
// FAILED_PRECONDITION, reason STORE_TOO_NEW, for one from a newer program, or STORE_DAMAGED for one
// of another program.
absl::Status Migrate(Database& database, std::span<const char* const> migrations = Migrations());

}  // namespace quantd
