// One job as one row: the columns, how they are read and how they are bound.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/core/job.h"
#include "server/store/sqlite/database.h"

namespace quantd {

// The state of rows that were set aside. No job is in it: what the rest of the row says is unknown.
inline constexpr char kDamagedState[] = "DAMAGED";

// "SELECT <columns> ".
std::string SelectedJobs();

// "SELECT <columns> FROM jobs " followed by `where`, whose question marks are bound next.
std::string SelectJobs(absl::string_view where);

// DATA_LOSS for a text that is no state.
absl::StatusOr<JobState> DecodeState(absl::string_view text);

// The row of a statement of SelectJobs().
absl::StatusOr<Job> ReadJob(const Statement& row);

// Keys of rows that do not decode, and why.
using DamagedJobs = std::map<int64_t, absl::Status>;

// The first `limit` rows, or the first one, of a bound statement of SelectJobs() that decode. Those
// before them that do not are added to `damaged`.
absl::StatusOr<std::vector<Job>> ReadJobs(Statement& statement, size_t limit, DamagedJobs& damaged);
absl::StatusOr<std::optional<Job>> ReadFirstJob(Statement& statement, DamagedJobs& damaged);
// The only row of a bound statement of SelectJobs(). DATA_LOSS when it does not decode.
absl::StatusOr<std::optional<Job>> ReadTheJob(Statement& statement);

// The columns that Insert() and Update() of the store write, in the order in which they are bound.
extern const char kFixedColumns[];  // Set once.
extern const char kChangingColumns[];

void BindFixedColumns(const Job& job, Statement& statement);
void BindChangingColumns(const Job& job, Statement& statement);

}  // namespace quantd
