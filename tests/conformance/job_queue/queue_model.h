// What docs/job_states.md says of the queue, as plainly as it can be written: a list of jobs,
// walked from end to end, no transactions, no tables. The random test runs it beside the real one.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/core/job_queue.h"

namespace quantd::testing {

struct ModelJob {
  Submission submission;
  JobName name;
  JobState state = JobState::kQueued;
  bool started = false;
  bool cancel_requested = false;
  uint64_t token = 0;
  absl::Time created;
  absl::Time expires;     // While running.
  absl::Time not_before;  // While queued.
  std::vector<AttemptOutcome> outcomes;
  size_t before_redrive = 0;  // So many of the outcomes count no more.
  std::string engine_version;
  bool did_the_work = false;      // Succeeded by itself.
  std::set<JobName> may_be_from;  // Whose result it may have taken over.
  int64_t lines = 0;              // Log lines that were taken.
};

struct ModelTenant {
  TenantLimits limits;
  double weight = 1;
  uint64_t last_lease = 0;
};

class QueueModel {
 public:
  explicit QueueModel(absl::Duration lease_length) : lease_length_(lease_length) {}

  // In order of creation.
  std::list<ModelJob> jobs;
  std::set<JobName> without_artifact;  // Jobs whose artifact has been deleted.
  std::map<std::string, ModelTenant> tenants;
  bool paused = false;

  // Null when there is none.
  ModelJob* Find(const JobName& name);
  ModelJob* FindRequest(const std::string& tenant, const std::string& request_id);

  // Why a new job of this work is not queued now; empty when it is, or is finished at once.
  std::string Refusal(const Submission& submission) const;
  ModelJob& Submit(const Submission& submission, const JobName& name, absl::Time now);
  // REQUIRES: the job is dead-lettered, and Refusal() is empty.
  void Redrive(ModelJob& job, absl::Time now);
  void Cancel(ModelJob& job);
  // Takes back what is due, and returns how much that was.
  int Reap(absl::Time now);
  // The job that a worker with these capabilities gets, of this tenant or of all; null when there
  // is none.
  ModelJob* Next(const std::vector<std::string>& capabilities,
                 const std::optional<std::string>& only, absl::Time now);
  void Lease(ModelJob& job, uint64_t token, const std::string& engine_version, absl::Time now);
  void Heartbeat(ModelJob& job, absl::Time now);
  void Renew(absl::Time now);
  // Ends the running attempt. A job that is to be tried again can be leased at once: its backoff is
  // for the caller to add.
  void End(ModelJob& job, AttemptOutcome outcome, bool permanent);

  int64_t CountOf(const std::string& tenant, JobState state) const;
  // Failures and lost leases of the present budget.
  static int CountedFailures(const ModelJob& job);

 private:
  bool WorkRuns(const Submission& submission) const;
  // Whose result a new job of this work may take over.
  std::set<JobName> Sources(const Submission& submission) const;
  ModelJob* NextOf(const std::string& tenant, const std::vector<std::string>& capabilities,
                   absl::Time now);

  absl::Duration lease_length_;
};

}  // namespace quantd::testing
