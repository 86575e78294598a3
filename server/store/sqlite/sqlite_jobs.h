// Jobs as rows. Every query that the queue asks often is an index search; tests assert the plans.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/job_rows.h"

namespace quantd {

class SqliteJobTable final : public JobTable {
 public:
  // Both are borrowed; the database is in a transaction. Jobs whose record does not decode are
  // added to `damaged`, for SetAside() after it.
  SqliteJobTable(Database& database, DamagedJobs& damaged)
      : database_(database), damaged_(damaged) {}

  // Takes these jobs out of the queue, into a state that no query but Count() finds.
  static absl::Status SetAside(Database& database, const DamagedJobs& damaged);

  absl::StatusOr<Job> Get(const JobName& name) override;
  absl::StatusOr<std::optional<Job>> FindByRequestId(const std::string& tenant,
                                                     const std::string& request_id) override;
  absl::StatusOr<std::vector<Job>> List(const JobQuery& query) override;

  absl::StatusOr<int64_t> Insert(const Job& job, absl::string_view spec) override;
  absl::Status Update(const Job& job) override;
  absl::Status Delete(int64_t key) override;

  absl::StatusOr<bool> HasInput(int64_t key, const std::string& digest) override;
  absl::StatusOr<std::vector<std::string>> Inputs(const std::string& tenant) override;
  absl::StatusOr<bool> InputsAreComplete() override;
  absl::Status AddInputs(int64_t key, const std::vector<std::string>& digests) override;
  absl::Status SetInputsComplete() override;
  absl::StatusOr<std::vector<std::string>> Tenants() override;
  absl::StatusOr<std::vector<Job>> FinishedUntil(const std::string& tenant, absl::Time time,
                                                 int limit) override;
  absl::StatusOr<std::string> ReadPayload(int64_t key, JobPayload payload) override;
  absl::Status WriteReport(int64_t key, absl::string_view report) override;

  absl::StatusOr<std::vector<std::vector<std::string>>> QueuedRequirements() override;
  absl::StatusOr<std::vector<Tenant>> QueuedTenants(
      const std::vector<std::string>& requirements) override;
  absl::StatusOr<std::optional<Job>> NextQueued(const std::vector<std::string>& requirements,
                                                const std::string& tenant, absl::Time now) override;
  absl::StatusOr<std::vector<Job>> QueuedWork(const std::string& tenant,
                                              const std::string& work_digest, int limit) override;
  absl::StatusOr<std::optional<Job>> FinishedWork(const std::string& tenant,
                                                  const std::string& work_digest,
                                                  const std::string& engine_version) override;

  absl::StatusOr<bool> AnythingDue(absl::Time now) override;
  absl::StatusOr<std::vector<Job>> ExpiredLeases(absl::Time now, int limit) override;
  absl::StatusOr<std::vector<Job>> OverdueQueued(absl::Time now, int limit) override;
  absl::StatusOr<std::vector<Job>> Running() override;

  absl::StatusOr<uint64_t> NextToken() override;
  absl::StatusOr<QueueCounts> Count() override;
  absl::StatusOr<std::map<std::string, int64_t>> RunningByTenant() override;
  absl::StatusOr<int64_t> CountOf(const std::string& tenant, JobState state) override;

 private:
  absl::Status WritePayload(int64_t key, absl::string_view kind, absl::string_view bytes);

  Database& database_;
  DamagedJobs& damaged_;
};

}  // namespace quantd
