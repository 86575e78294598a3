// Where jobs, their events, artifacts and catalogues are kept. All reading and writing happens in
// transactions, so that the rules (JobQueue, ResultCache) are written once and every database only
// has to store rows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/core/access.h"
#include "server/core/job.h"
#include "server/core/tenant.h"

namespace quantd {

// The large parts of a job, read only where they are needed.
enum class JobPayload { kSpec, kReport };

struct JobQuery {
  std::string tenant;
  std::optional<JobState> state;
  std::optional<std::string> display_name;
  std::map<std::string, std::string> labels;  // All must match.
  bool newest_first = true;
  std::optional<int64_t> after_key;  // Continue behind the job of this key, in the order asked for.
  int limit = 50;
};

struct QueueCounts {
  std::map<JobState, int64_t> jobs;         // States without a job may be absent.
  std::optional<absl::Time> oldest_queued;  // Creation of the queued job with the lowest key.
  int64_t damaged = 0;                      // Jobs that were set aside.
};

// A query for several jobs leaves out those whose record does not decode, so that one of them never
// stops a batch. The store logs it and sets it aside when the transaction ends: no query finds it
// again, Count() tells how many there are, and Get() answers DATA_LOSS.
class JobTable {
 public:
  virtual ~JobTable() = default;

  // NOT_FOUND, reason JOB_NOT_FOUND.
  virtual absl::StatusOr<Job> Get(const JobName& name) = 0;
  virtual absl::StatusOr<std::optional<Job>> FindByRequestId(const std::string& tenant,
                                                             const std::string& request_id) = 0;
  virtual absl::StatusOr<std::vector<Job>> List(const JobQuery& query) = 0;

  // With traits.inputs. Returns the new job's key. ALREADY_EXISTS for a name that is taken.
  virtual absl::StatusOr<int64_t> Insert(const Job& job, absl::string_view spec) = 0;
  // Replaces all but what is fixed at creation: key, name, display name, labels, creation time,
  // request and traits. REQUIRES: the job exists.
  virtual absl::Status Update(const Job& job) = 0;
  // With its events and payloads. OK when it is not there.
  virtual absl::Status Delete(int64_t key) = 0;

  // Whether the job reads a blob of that digest.
  virtual absl::StatusOr<bool> HasInput(int64_t key, const std::string& digest) = 0;
  // What the tenant's jobs read, in whatever state they are: sorted, each once.
  virtual absl::StatusOr<std::vector<std::string>> Inputs(const std::string& tenant) = 0;
  // For jobs that were stored before stores kept inputs: whether all of them are told by now; what
  // one of them reads; and that the work is done.
  virtual absl::StatusOr<bool> InputsAreComplete() = 0;
  virtual absl::Status AddInputs(int64_t key, const std::vector<std::string>& digests) = 0;
  virtual absl::Status SetInputsComplete() = 0;

  // The tenants that have jobs, sorted.
  virtual absl::StatusOr<std::vector<std::string>> Tenants() = 0;
  // The tenant's finished jobs that changed last at `time` or before, longest ago first.
  virtual absl::StatusOr<std::vector<Job>> FinishedUntil(const std::string& tenant, absl::Time time,
                                                         int limit) = 0;

  // Empty for a report that has not been written.
  virtual absl::StatusOr<std::string> ReadPayload(int64_t key, JobPayload payload) = 0;
  virtual absl::Status WriteReport(int64_t key, absl::string_view report) = 0;

  // The distinct requirement sets of queued jobs.
  virtual absl::StatusOr<std::vector<std::vector<std::string>>> QueuedRequirements() = 0;
  // The tenants that have queued jobs with exactly these requirements, with what was set for them.
  virtual absl::StatusOr<std::vector<Tenant>> QueuedTenants(
      const std::vector<std::string>& requirements) = 0;
  // The job of this tenant to run next among those with exactly these requirements: queued,
  // not_before <= now, and no job of the same tenant and work digest running; the lowest RankOf()
  // first, then the lowest key.
  virtual absl::StatusOr<std::optional<Job>> NextQueued(
      const std::vector<std::string>& requirements, const std::string& tenant, absl::Time now) = 0;
  // At most `limit` queued jobs of this work, oldest first.
  virtual absl::StatusOr<std::vector<Job>> QueuedWork(const std::string& tenant,
                                                      const std::string& work_digest,
                                                      int limit) = 0;
  // The newest succeeded job of this work and engine version that did the work itself.
  virtual absl::StatusOr<std::optional<Job>> FinishedWork(const std::string& tenant,
                                                          const std::string& work_digest,
                                                          const std::string& engine_version) = 0;

  // Whether ExpiredLeases() or OverdueQueued() would find something; cheaper than either.
  virtual absl::StatusOr<bool> AnythingDue(absl::Time now) = 0;
  // Running jobs whose lease has ended (expire_time <= now), longest overdue first.
  virtual absl::StatusOr<std::vector<Job>> ExpiredLeases(absl::Time now, int limit) = 0;
  // Queued jobs that never started and whose create_time + queue_timeout <= now.
  virtual absl::StatusOr<std::vector<Job>> OverdueQueued(absl::Time now, int limit) = 0;
  virtual absl::StatusOr<std::vector<Job>> Running() = 0;

  // 1, 2, 3, ...: never repeated, also after a restart.
  virtual absl::StatusOr<uint64_t> NextToken() = 0;
  virtual absl::StatusOr<QueueCounts> Count() = 0;
  // Running jobs of the tenants that have any.
  virtual absl::StatusOr<std::map<std::string, int64_t>> RunningByTenant() = 0;
  // Jobs of this tenant and state. Cost: linear in them.
  virtual absl::StatusOr<int64_t> CountOf(const std::string& tenant, JobState state) = 0;
};

class EventTable {
 public:
  virtual ~EventTable() = default;
  // REQUIRES: sequences follow those of the job that are stored.
  virtual absl::Status Append(int64_t job_key, const std::vector<JobEvent>& events) = 0;
  // Events with a higher sequence than `after`, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<JobEvent>> Read(int64_t job_key, int64_t after, int limit) = 0;
};

class ArtifactTable {
 public:
  virtual ~ArtifactTable() = default;
  // ALREADY_EXISTS for a name that is taken.
  virtual absl::Status Insert(const Artifact& artifact) = 0;
  // NOT_FOUND, reason ARTIFACT_NOT_FOUND.
  virtual absl::StatusOr<Artifact> Get(const ArtifactName& name) = 0;
  // Newest first, those with a key below `before_key` when it is set.
  virtual absl::StatusOr<std::vector<Artifact>> List(const std::string& tenant,
                                                     std::optional<int64_t> before_key,
                                                     int limit) = 0;
  // NOT_FOUND as above.
  virtual absl::Status Delete(const ArtifactName& name) = 0;

  // The tenants that have artifacts, sorted.
  virtual absl::StatusOr<std::vector<std::string>> Tenants() = 0;
  // The tenant's artifacts that were created at `time` or before and that no job has as its result,
  // oldest first.
  virtual absl::StatusOr<std::vector<Artifact>> UnusedUntil(const std::string& tenant,
                                                            absl::Time time, int limit) = 0;
};

class CatalogueTable {
 public:
  virtual ~CatalogueTable() = default;
  // Inserts, or replaces the one of the same tenant and digest.
  virtual absl::Status Put(const WorkerCatalogue& catalogue) = 0;
  // Latest seen first.
  virtual absl::StatusOr<std::vector<WorkerCatalogue>> All() = 0;
  // Those that count for the tenant's jobs: its own and kEveryTenant's. Latest seen first.
  virtual absl::StatusOr<std::vector<WorkerCatalogue>> Of(const std::string& tenant) = 0;
  // Of those that are this tenant's own, the latest seen stay.
  virtual absl::Status KeepLatest(const std::string& tenant, int count) = 0;
};

// What was set for tenants, and the one thing that was set for the server.
class TenantTable {
 public:
  virtual ~TenantTable() = default;
  // A tenant that is not there is one with nothing set.
  virtual absl::StatusOr<Tenant> Get(const std::string& tenant) = 0;
  virtual absl::Status Put(const Tenant& tenant) = 0;

  virtual absl::StatusOr<bool> Paused() = 0;
  virtual absl::Status SetPaused(bool paused) = 0;
};

class TokenTable {
 public:
  virtual ~TokenTable() = default;
  // ALREADY_EXISTS for an id that is taken, by whatever tenant.
  virtual absl::Status Insert(const AccessToken& token) = 0;
  // NOT_FOUND, reason TOKEN_NOT_FOUND.
  virtual absl::StatusOr<AccessToken> Get(const TokenName& name) = 0;
  // By the last part of its name alone.
  virtual absl::StatusOr<std::optional<AccessToken>> Find(const std::string& id) = 0;
  // Newest first, those with a key below `before_key` when it is set.
  virtual absl::StatusOr<std::vector<AccessToken>> List(const std::string& tenant,
                                                        std::optional<int64_t> before_key,
                                                        int limit) = 0;
  // Replaces hashes and times. REQUIRES: the token exists.
  virtual absl::Status Update(const AccessToken& token) = 0;
};

// The tables as one transaction sees them. Not thread-safe; valid during the callback.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual JobTable& jobs() = 0;
  virtual EventTable& events() = 0;
  virtual ArtifactTable& artifacts() = 0;
  virtual CatalogueTable& catalogues() = 0;
  virtual TenantTable& tenants() = 0;
  virtual TokenTable& tokens() = 0;
};

// Thread-safe.
class JobStore {
 public:
  using Body = std::function<absl::Status(Transaction&)>;

  virtual ~JobStore() = default;

  // Runs `body` alone against the newest state. When it returns OK its writes become durable and
  // visible together, and Write() returns after that; otherwise none happens. Never nested.
  //
  // Errors: what `body` returned; RESOURCE_EXHAUSTED, reason DISK_FULL; INTERNAL, reason
  // STORE_FAILED.
  virtual absl::Status Write(const Body& body) = 0;

  // The same on a consistent snapshot. REQUIRES: `body` does not write.
  virtual absl::Status Read(const Body& body) = 0;
};

}  // namespace quantd
