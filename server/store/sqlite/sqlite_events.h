// The table `events` as one transaction sees it. Not thread-safe. Errors: those of SqlStatus(), and
// DATA_LOSS for a row that this server did not write.
#pragma once

#include <vector>

#include "server/core/job_store.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

class SqliteEventTable final : public EventTable {
 public:
  // Borrows the connection.
  explicit SqliteEventTable(Connection* connection) : connection_(*connection) {}

  absl::Status Append(int64_t job_key, const std::vector<JobEvent>& events) override;
  absl::StatusOr<std::vector<JobEvent>> Read(int64_t job_key, int64_t after, int limit) override;

 private:
  Connection& connection_;
};

}  // namespace quantd::sqlite
