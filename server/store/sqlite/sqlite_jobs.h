// Jobs as rows. Every query that the queue asks often is an index search; tests assert the plans.
#pragma once

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

class SqliteJobTable final : public JobTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteJobTable(Database& database) : database_(database) {}

  absl::StatusOr<Job> Get(const JobName& name) override;
  absl::StatusOr<std::optional<Job>> FindByRequestId(const std::string& tenant,
                                                     const std::string& request_id) override;
  absl::StatusOr<std::vector<Job>> List(const JobQuery& query) override;

  absl::StatusOr<int64_t> Insert(const Job& job, absl::string_view spec) override;
  absl::Status Update(const Job& job) override;
  absl::Status Delete(int64_t key) override;

  absl::StatusOr<std::string> ReadPayload(int64_t key, JobPayload payload) override;
  absl::Status WriteReport(int64_t key, absl::string_view report) override;

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
  absl::Status WritePayload(int64_t key, absl::string_view kind, absl::string_view bytes);

  Database& database_;
};

}  // namespace quantd
