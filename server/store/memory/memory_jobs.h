// The jobs of a MemoryJobStore as one transaction sees them. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/core/job_store.h"
#include "server/store/memory/memory_state.h"
#include "server/store/memory/undo_log.h"

namespace quantd {

class MemoryJobTable final : public JobTable {
 public:
  // Borrows both. Without a log nothing may be written.
  MemoryJobTable(MemoryState* state, UndoLog* undo) : state_(*state), undo_(undo) {}

  absl::StatusOr<Job> Get(const JobName& name) override;
  absl::StatusOr<std::optional<Job>> FindByRequestId(const std::string& tenant,
                                                     const std::string& request_id) override;
  absl::StatusOr<std::vector<Job>> List(const JobQuery& query) override;
  absl::StatusOr<int64_t> Insert(const Job& job, absl::string_view spec) override;
  absl::Status Update(const Job& job) override;
  absl::Status Delete(int64_t key) override;
  absl::StatusOr<bool> HasInput(int64_t key, const std::string& digest) override;
  absl::StatusOr<std::vector<std::string>> Inputs(const std::string& tenant) override;
  absl::StatusOr<bool> InputsAreComplete() override { return true; }
  absl::Status AddInputs(int64_t key, const std::vector<std::string>& digests) override;
  absl::Status SetInputsComplete() override { return absl::OkStatus(); }
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
  // The jobs for which `wanted` holds, oldest first.
  std::vector<Job> Where(const std::function<bool(const Job&)>& wanted) const;

  MemoryState& state_;
  UndoLog* undo_;
};

}  // namespace quantd
