// The events of jobs as rows.
#pragma once

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

class SqliteEventTable final : public EventTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteEventTable(Database& database) : database_(database) {}

  absl::Status Append(int64_t job_key, const std::vector<JobEvent>& events) override;
  absl::StatusOr<std::vector<JobEvent>> Read(int64_t job_key, int64_t after, int limit) override;

 private:
  Database& database_;
};

}  // namespace quantd
