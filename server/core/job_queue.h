// The job service's rules: what clients may do with jobs, and what workers may do with leases.
// Every method is one transaction of the store, so two servers on one store would be as right as
// one. Thread-safe.
//
// At-least-once execution, exactly-once effect: an attempt may run twice, but only the holder of a
// job's latest fencing token can write, and a result is committed once.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/core/blob_store.h"
#include "server/core/change_signal.h"
#include "server/core/ids.h"
#include "server/core/job_store.h"
#include "server/core/retry_delay.h"
#include "server/core/tenant.h"

namespace quantd {

class JobEdit;
struct NextJob;

struct QueueOptions {
  absl::Duration lease_length = absl::Seconds(15);
  RetryPolicy retry;
  TenantLimits tenant_defaults;  // Where a tenant has none of its own. None: no limit.
};

struct Submission {
  std::string tenant;
  std::string display_name;
  std::map<std::string, std::string> labels;
  JobTraits traits;
  std::string spec;
  std::string request_id;      // Empty: every submission is a new job.
  std::string request_digest;  // Of everything above.
};

// A job with its large parts.
struct FullJob {
  Job job;
  std::string spec;
  std::string report;  // Empty unless succeeded.
};

struct LeasedJob {
  Job job;
  std::string spec;
};

struct HeartbeatAnswer {
  absl::Time expire_time;
  bool cancel_requested = false;
};

// How a worker ends its attempt.
struct AttemptSucceeded {
  std::vector<StoredFile> files;
  std::string report;
};
struct AttemptFailed {
  absl::Status error;  // Not OK.
};
struct AttemptCancelled {};
struct AttemptHandedBack {};
using AttemptResult =
    std::variant<AttemptSucceeded, AttemptFailed, AttemptCancelled, AttemptHandedBack>;

class JobQueue {
 public:
  // Everything is borrowed. Changes of a job are told to `signal` under its resource name, work for
  // workers under kWorkTopic.
  JobQueue(const QueueOptions& options, JobStore* store, BlobStores* blobs, const Clock* clock,
           IdSource* ids, ChangeSignal* signal);

  static constexpr char kWorkTopic[] = "work";
  // Events kept of one job; progress and log lines beyond are dropped, with a warning.
  static constexpr int64_t kEventsMax = 100'000;
  // Of texts in later events than these, so much is kept.
  static constexpr int64_t kLongEventsMax = 1000;
  static constexpr size_t kLaterTextBytesMax = 1024;

  // Attempts of one job, handed-back ones included, before it is dead-lettered: a worker that
  // always stops in the middle must not go round for ever.
  static constexpr size_t kAttemptsMax = 100;
  // A job with so many attempts in its record cannot be redriven again.
  static constexpr size_t kAttemptsKeptMax = 1000;

  // For clients.

  // A repeated request_id returns the job of the first time; INVALID_ARGUMENT, reason
  // REQUEST_ID_REUSED, when that came from another request. An identical job's result is taken over
  // at once. Otherwise UNAVAILABLE, reason SERVER_PAUSED, while the server takes no jobs, and
  // RESOURCE_EXHAUSTED, reason QUOTA_EXCEEDED, when queued_jobs_max of the tenant are queued.
  // FAILED_PRECONDITION, reason MISSING_BLOB, when an input is not there.
  absl::StatusOr<Job> Submit(const Submission& submission);
  // NOT_FOUND here and below when there is no such job.
  absl::StatusOr<Job> Get(const JobName& name) const;
  absl::StatusOr<FullJob> GetFull(const JobName& name) const;
  absl::StatusOr<std::vector<Job>> List(const JobQuery& query) const;
  // A queued job is cancelled at once, a running one when its worker has stopped; a finished one
  // stays as it is.
  absl::StatusOr<Job> Cancel(const JobName& name);
  // Queues a dead-lettered job with a whole budget of attempts, as if it were new: quota, pause and
  // the results of identical jobs are as in Submit(). FAILED_PRECONDITION, reason
  // JOB_NOT_DEAD_LETTERED, for a job in another state, or TOO_MANY_REDRIVES.
  absl::StatusOr<Job> Redrive(const JobName& name);
  // FAILED_PRECONDITION, reason JOB_NOT_FINISHED; ABORTED, reason ETAG_MISMATCH, for a version
  // other than the job's.
  absl::Status Delete(const JobName& name, std::optional<int64_t> version);
  absl::StatusOr<std::vector<JobEvent>> Events(const JobName& name, int64_t after, int limit) const;

  // For workers.

  // The next job that `worker` can run, if any (FindNextJob() says which one that is), of `tenant`
  // alone or, without one, of all.
  absl::StatusOr<std::optional<LeasedJob>> Lease(const std::string& worker,
                                                 const WorkerCatalogue& catalogue,
                                                 const std::optional<std::string>& tenant);
  // ABORTED, reason STALE_LEASE, here and below: the token is not the job's latest, or its attempt
  // has ended. What a worker publishes elsewhere in the name of its job is for its caller to check.
  absl::Status CheckLease(const JobName& name, uint64_t token) const;
  // Gives the lease its whole length again once a third of it has passed. Before that it costs a
  // read alone, so workers may ask often whether to stop.
  absl::StatusOr<HeartbeatAnswer> Heartbeat(const JobName& name, uint64_t token);
  // Sequence and time of the events are the queue's. Only progress, log, warnings and the sandbox,
  // which becomes the attempt's.
  absl::Status Report(const JobName& name, uint64_t token, const std::vector<JobEvent>& events);
  // The lease holds and its job reads that blob; NOT_FOUND, reason BLOB_NOT_FOUND, for any other
  // one, whether it exists or not.
  absl::Status CheckInput(const JobName& name, uint64_t token, const std::string& digest) const;
  // The job's state after it, which tells whether it will run again. Repeating a call that was
  // carried out is OK. FAILED_PRECONDITION, reason BLOB_MISSING: the job stays leased.
  absl::StatusOr<JobState> Complete(const JobName& name, uint64_t token,
                                    const AttemptResult& result);

  // For maintenance.

  // Takes back leases that have ended and fails jobs that nobody started in time. Returns how many.
  absl::StatusOr<int> Reap();
  // After a restart of the only server: gives running jobs a whole lease to report back, since
  // their heartbeats had nowhere to go.
  absl::Status RenewRunningLeases();
  absl::StatusOr<QueueCounts> Count() const;
  absl::StatusOr<TenantUse> Use(const std::string& tenant) const;

 private:
  // The earlier job whose result `job` may take over.
  absl::StatusOr<std::optional<Job>> ResultFor(Transaction& transaction, const Job& job) const;
  // Whether one more job of this tenant may be queued: SERVER_PAUSED or QUOTA_EXCEEDED.
  absl::Status Admit(Transaction& transaction, const std::string& tenant) const;
  // The job of a lease that holds; STALE_LEASE otherwise.
  absl::StatusOr<Job> Leased(Transaction& transaction, const JobName& name, uint64_t token) const;
  absl::StatusOr<LeasedJob> LeaseTo(Transaction& transaction, const std::string& worker,
                                    const WorkerCatalogue& catalogue, const NextJob& next) const;
  // Takes back leases that have ended and fails jobs that nobody started in time, at most a batch
  // of each, and adds their names.
  absl::Status TakeBack(Transaction& transaction, std::vector<JobName>& changed) const;
  absl::Status ExpireLease(Transaction& transaction, Job job) const;
  absl::Status EndInFailure(JobEdit& edit, const absl::Status& error, absl::Duration delay) const;
  absl::Status CommitSuccess(Transaction& transaction, JobEdit& edit,
                             const AttemptSucceeded& success, std::vector<JobName>& changed) const;
  // Identical jobs that waited while `source` ran are done with it: some in this transaction, so
  // that it stays short, and whether there may be more.
  absl::StatusOr<bool> ShareResult(Transaction& transaction, const Job& source,
                                   std::vector<JobName>& changed) const;
  absl::Status ShareWithTheRest(const JobName& source, std::vector<JobName>& changed) const;
  absl::Status Finish(Transaction& transaction, JobEdit& edit, const AttemptResult& result,
                      std::vector<JobName>& changed) const;
  // Tells who watches these jobs; NotifyWork() also tells workers that there may be one for them.
  void Notify(const std::vector<JobName>& changed) const;
  void NotifyWork(const std::vector<JobName>& changed) const;

  const QueueOptions options_;
  JobStore* const store_;
  BlobStores* const blobs_;
  const Clock* const clock_;
  IdSource* const ids_;
  ChangeSignal* const signal_;
  // Whether the latest Lease() found a job. Only spares the next one a look that is probably in
  // vain or superfluous; nothing depends on it being right.
  std::atomic<bool> work_expected_ = false;
};

}  // namespace quantd
