// The tables `jobs` and `payloads` as one transaction sees them. Not thread-safe.
//
// Errors: beside those of JobTable, those of SqlStatus(), and DATA_LOSS for a row that this server
// did not write.
#pragma once

#include <string>
#include <vector>

#include "server/core/job_store.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

class SqliteJobTable final : public JobTable {
 public:
  // Borrows the connection.
  explicit SqliteJobTable(Connection* connection) : connection_(*connection) {}

  // sqlite_jobs.cc: one job, and lists of them.
  absl::StatusOr<Job> Get(const JobName& name) override;
  absl::StatusOr<std::optional<Job>> FindByRequestId(const std::string& tenant,
                                                     const std::string& request_id) override;
  absl::StatusOr<std::vector<Job>> List(const JobQuery& query) override;
  absl::StatusOr<int64_t> Insert(const Job& job, absl::string_view spec) override;
  absl::Status Update(const Job& job) override;
  absl::Status Delete(int64_t key) override;
  absl::StatusOr<std::string> ReadPayload(int64_t key, JobPayload payload) override;
  absl::Status WriteReport(int64_t key, absl::string_view report) override;

  // sqlite_queue.cc: what the queue asks.
  absl::StatusOr<std::vector<std::vector<std::string>>> QueuedRequirements() override;
  absl::StatusOr<std::optional<Job>> NextQueued(const std::vector<std::string>& requirements,
                                                absl::Time now) override;
  absl::StatusOr<std::vector<Job>> QueuedWork(const std::string& tenant,
                                              const std::string& work_digest) override;
  absl::StatusOr<std::optional<Job>> FinishedWork(const std::string& tenant,
                                                  const std::string& work_digest,
                                                  const std::string& engine_version) override;
  absl::StatusOr<std::vector<Job>> ExpiredLeases(absl::Time now, int limit) override;
  absl::StatusOr<std::vector<Job>> OverdueQueued(absl::Time now, int limit) override;
  absl::StatusOr<std::vector<Job>> Running() override;
  absl::StatusOr<uint64_t> NextToken() override;
  absl::StatusOr<QueueCounts> Count() override;

 private:
  // A statement that selects the columns of jobs, with `rest` behind "FROM jobs ".
  absl::StatusOr<Statement> SelectJobs(absl::string_view rest);

  Connection& connection_;
};

}  // namespace quantd::sqlite
