// The workers' part of the queue: leases, and what their holders may write.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/core/artifact_registry.h"
#include "server/core/catalogue_registry.h"
#include "server/core/errors.h"
#include "server/core/job_edit.h"
#include "server/core/job_queue.h"
#include "server/core/result_cache.h"

namespace quantd {
namespace {

AttemptOutcome OutcomeOf(const AttemptResult& result) {
  constexpr AttemptOutcome kOutcomes[] = {AttemptOutcome::kSucceeded, AttemptOutcome::kFailed,
                                          AttemptOutcome::kCancelled, AttemptOutcome::kHandedBack};
  return kOutcomes[result.index()];
}

// Whether this very call was carried out before and only its answer got lost.
bool IsRepetition(const Job& job, uint64_t token, const AttemptResult& result) {
  return job.lease.token == token && !job.attempts.empty() &&
         job.attempts.back().outcome == OutcomeOf(result);
}

bool RunsBefore(const Job& a, const Job& b) {
  if (a.traits.priority != b.traits.priority) return a.traits.priority > b.traits.priority;
  return a.key < b.key;
}

}  // namespace

absl::StatusOr<Job> JobQueue::Leased(Transaction& transaction, const JobName& name,
                                     uint64_t token) const {
  ASSIGN_OR_RETURN(Job job, transaction.jobs().Get(name));
  // A lease that ran out but that nobody has taken back yet still holds: its work is not lost.
  if (job.state != JobState::kRunning || job.lease.token != token) {
    return errors::StaleLease(name, token);
  }
  return job;
}

absl::StatusOr<std::optional<Job>> JobQueue::NextFor(Transaction& transaction,
                                                     const WorkerCatalogue& catalogue) const {
  const absl::Time now = clock_->Now();
  ASSIGN_OR_RETURN(const auto sets, transaction.jobs().QueuedRequirements());
  std::optional<Job> next;
  for (const std::vector<std::string>& requirements : sets) {
    if (!Covers(catalogue.capabilities, requirements)) continue;
    ASSIGN_OR_RETURN(std::optional<Job> job, transaction.jobs().NextQueued(requirements, now));
    if (job && (!next || RunsBefore(*job, *next))) next = std::move(job);
  }
  return next;
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::Lease(const std::string& worker,
                                                         const WorkerCatalogue& catalogue) {
  RETURN_IF_ERROR(Reap().status());
  // Most polls find nothing; they should not cost a write.
  bool found = false;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<Job> next, NextFor(transaction, catalogue));
    found = next.has_value();
    return absl::OkStatus();
  }));
  if (!found) return std::nullopt;

  std::optional<LeasedJob> leased;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<Job> next, NextFor(transaction, catalogue));
    if (!next) return absl::OkStatus();
    const absl::Time now = clock_->Now();
    JobEdit edit(transaction, *next, now);
    Job& job = edit.job();
    ASSIGN_OR_RETURN(job.lease.token, transaction.jobs().NextToken());
    job.lease.worker = worker;
    job.lease.expire_time = now + options_.lease_length;
    job.engine_version = catalogue.engine_version;
    job.progress = JobProgress();
    if (!job.start_time) job.start_time = now;
    job.attempts.push_back(
        {.number = static_cast<int>(job.attempts.size()) + 1, .worker = worker, .start_time = now});
    RETURN_IF_ERROR(edit.Move(JobTrigger::kLease));
    RETURN_IF_ERROR(edit.Save());
    leased.emplace();
    ASSIGN_OR_RETURN(leased->spec, transaction.jobs().ReadPayload(job.key, JobPayload::kSpec));
    leased->job = job;
    return absl::OkStatus();
  }));
  if (leased) Notify({leased->job.name});
  return leased;
}

absl::StatusOr<HeartbeatAnswer> JobQueue::Heartbeat(const JobName& name, uint64_t token) {
  HeartbeatAnswer answer;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(Job job, Leased(transaction, name, token));
    job.lease.expire_time = clock_->Now() + options_.lease_length;
    answer = {.expire_time = job.lease.expire_time, .cancel_requested = job.cancel_requested};
    // No change that a client could see, hence no new version.
    return transaction.jobs().Update(job);
  }));
  return answer;
}

absl::Status JobQueue::Report(const JobName& name, uint64_t token,
                              const std::vector<JobEvent>& events) {
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job leased, Leased(transaction, name, token));
    JobEdit edit(transaction, leased, clock_->Now());
    for (const JobEvent& event : events) {
      if (std::holds_alternative<JobState>(event.content)) continue;
      if (const auto* progress = std::get_if<JobProgress>(&event.content)) {
        edit.job().progress = *progress;
      }
      if (edit.job().event_count == kEventsMax) {
        edit.Emit(WarningText{absl::StrCat("this job has ", kEventsMax,
                                           " events; later progress and log lines are dropped")});
      } else if (edit.job().event_count < kEventsMax) {
        edit.Emit(event.content);
      }
    }
    return edit.Save();
  }));
  signal_->Notify(name.ToString());
  return absl::OkStatus();
}

absl::Status JobQueue::EndInFailure(JobEdit& edit, const absl::Status& error,
                                    absl::Duration delay) const {
  Job& job = edit.job();
  if (job.cancel_requested) {
    job.error = errors::Cancelled();
    return edit.Move(JobTrigger::kCancel);
  }
  if (IsRequestsFault(error.code()) || edit.CountedFailures() >= job.traits.max_attempts) {
    job.error = error;
    return edit.Move(JobTrigger::kFail);
  }
  const absl::Time now = clock_->Now();
  job.not_before = now + delay;
  edit.Emit(WarningText{absl::StrCat(
      "attempt ", job.attempts.size(), " failed: ", error.message(), "; trying again",
      delay > absl::ZeroDuration()
          ? absl::StrCat(" in ", absl::FormatDuration(absl::Ceil(delay, absl::Milliseconds(100))))
          : "")});
  return edit.Move(JobTrigger::kRetry);
}

absl::Status JobQueue::ExpireLease(Transaction& transaction, Job job) const {
  JobEdit edit(transaction, std::move(job), clock_->Now());
  const absl::Status error = errors::LeaseExpired(edit.job().lease.worker);
  edit.EndAttempt(AttemptOutcome::kLeaseExpired, error);
  // The lease itself was the delay.
  RETURN_IF_ERROR(EndInFailure(edit, error, absl::ZeroDuration()));
  return edit.Save();
}

absl::Status JobQueue::CommitSuccess(Transaction& transaction, JobEdit& edit,
                                     const AttemptSucceeded& success,
                                     std::vector<JobName>& changed) const {
  Job& job = edit.job();
  std::vector<StoredFile> files = success.files;
  RETURN_IF_ERROR(PrepareFiles(*blobs_->Of(job.name.tenant), files));
  const Artifact artifact{.name = {job.name.tenant, ids_->Next()},
                          .files = files,
                          .create_time = clock_->Now(),
                          .job = job.name.ToString(),
                          .labels = job.labels,
                          .digest = ArtifactDigest(files)};
  RETURN_IF_ERROR(transaction.artifacts().Insert(artifact));
  RETURN_IF_ERROR(transaction.jobs().WriteReport(job.key, success.report));
  job.artifact = artifact.name.ToString();
  job.progress.fraction = 1;
  job.progress.eta.reset();
  edit.EndAttempt(AttemptOutcome::kSucceeded, absl::OkStatus());
  RETURN_IF_ERROR(edit.Move(JobTrigger::kSucceed));
  RETURN_IF_ERROR(edit.Save());

  // Identical jobs that waited while this one ran are done with it.
  ASSIGN_OR_RETURN(const std::vector<Job> twins,
                   transaction.jobs().QueuedWork(job.name.tenant, job.traits.work_digest));
  for (const Job& twin : twins) {
    JobEdit reuse(transaction, twin, clock_->Now());
    RETURN_IF_ERROR(ReuseResult(transaction, reuse, job));
    changed.push_back(twin.name);
  }
  return absl::OkStatus();
}

absl::Status JobQueue::Finish(Transaction& transaction, JobEdit& edit, const AttemptResult& result,
                              std::vector<JobName>& changed) const {
  Job& job = edit.job();
  if (const auto* success = std::get_if<AttemptSucceeded>(&result)) {
    return CommitSuccess(transaction, edit, *success, changed);
  }
  if (const auto* failure = std::get_if<AttemptFailed>(&result)) {
    QUANTD_CHECK(!failure->error.ok());
    edit.EndAttempt(AttemptOutcome::kFailed, failure->error);
    RETURN_IF_ERROR(EndInFailure(edit, failure->error,
                                 RetryDelay(options_.retry, edit.CountedFailures(), job.key)));
    return edit.Save();
  }
  edit.EndAttempt(OutcomeOf(result), absl::OkStatus());
  if (std::holds_alternative<AttemptCancelled>(result) || job.cancel_requested) {
    job.error = errors::Cancelled();
    RETURN_IF_ERROR(edit.Move(JobTrigger::kCancel));
  } else if (job.attempts.size() >= kAttemptsMax) {
    job.error = errors::TooManyAttempts(job.attempts.size());
    RETURN_IF_ERROR(edit.Move(JobTrigger::kFail));
  } else {
    RETURN_IF_ERROR(edit.Move(JobTrigger::kHandBack));
  }
  return edit.Save();
}

absl::Status JobQueue::Complete(const JobName& name, uint64_t token, const AttemptResult& result) {
  std::vector<JobName> changed = {name};
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job current, transaction.jobs().Get(name));
    if (IsRepetition(current, token, result)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Job leased, Leased(transaction, name, token));
    JobEdit edit(transaction, leased, clock_->Now());
    return Finish(transaction, edit, result, changed);
  }));
  Notify(changed);
  return absl::OkStatus();
}

}  // namespace quantd
