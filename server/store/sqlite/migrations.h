// The steps that lead from an empty file to the tables of this server. PRAGMA user_version holds
// how many were taken.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

// PRAGMA application_id of our databases: "QNTD".
inline constexpr int64_t kApplicationId = 0x514e5444;

// SQL text of each step. Step i leads from version i to i + 1. A released step is never edited: a
// change of the tables is a new step at the end.
std::span<const char* const> Migrations();

// Takes the steps that are missing, each in a transaction of its own together with its version
// number: after a crash the next start goes on where this one stopped.
//
// Errors: FAILED_PRECONDITION, reason STORE_TOO_NEW, when the file knows more steps; reason
// STORE_NOT_A_DATABASE when it is another program's; else those of SqlStatus().
absl::Status Migrate(Connection& connection, std::span<const char* const> migrations);

}  // namespace quantd::sqlite
