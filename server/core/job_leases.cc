// The workers' part of the queue: leases, and what their holders may write.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "server/core/artifact_registry.h"
#include "server/core/catalogue_registry.h"
#include "server/core/errors.h"
#include "server/core/job_edit.h"
#include "server/core/job_queue.h"
#include "server/core/next_job.h"
#include "server/core/result_cache.h"

namespace quantd {
namespace {

AttemptOutcome OutcomeOf(const AttemptResult& result) {
  constexpr AttemptOutcome kOutcomes[] = {AttemptOutcome::kSucceeded, AttemptOutcome::kFailed,
                                          AttemptOutcome::kCancelled, AttemptOutcome::kHandedBack};
  return kOutcomes[result.index()];
}

// A lease that ran out but that nobody has taken back yet still holds: its work is not lost.
bool Holds(const Job& job, uint64_t token) {
  return job.state == JobState::kRunning && job.lease.token == token;
}

// Whether this very call was carried out before and only its answer got lost.
bool IsRepetition(const Job& job, uint64_t token, const AttemptResult& result) {
  return job.lease.token == token && !job.attempts.empty() &&
         job.attempts.back().outcome == OutcomeOf(result);
}

// Whether another attempt would end the same way: by the request, or because what it makes has no
// room in its tenant's quota.
bool IsFinal(const absl::Status& error) {
  return IsRequestsFault(error.code()) || GetErrorDetails(error).reason == "QUOTA_EXCEEDED";
}

// Of the jobs that share a result, in one transaction.
constexpr size_t kSharedAtOnce = 100;

std::string Cut(const std::string& text) {
  return text.size() <= JobQueue::kLaterTextBytesMax
             ? text
             : ToValidUtf8(absl::StrCat(text.substr(0, JobQueue::kLaterTextBytesMax), "..."));
}

// An event of a job that has told much already.
JobEvent Shortened(JobEvent event) {
  if (auto* log = std::get_if<LogText>(&event.content)) log->text = Cut(log->text);
  if (auto* warning = std::get_if<WarningText>(&event.content)) warning->text = Cut(warning->text);
  return event;
}

}  // namespace

absl::StatusOr<Job> JobQueue::Leased(Transaction& transaction, const JobName& name,
                                     uint64_t token) const {
  ASSIGN_OR_RETURN(Job job, transaction.jobs().Get(name));
  if (!Holds(job, token)) return errors::StaleLease(name, token);
  return job;
}

absl::Status JobQueue::CheckInput(const JobName& name, uint64_t token,
                                  const std::string& digest) const {
  return store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job job, Leased(transaction, name, token));
    ASSIGN_OR_RETURN(const bool reads, transaction.jobs().HasInput(job.key, digest));
    return reads ? absl::OkStatus() : errors::BlobNotFound(digest);
  });
}

absl::StatusOr<LeasedJob> JobQueue::LeaseTo(Transaction& transaction, const std::string& worker,
                                            const WorkerCatalogue& catalogue,
                                            const NextJob& next) const {
  const absl::Time now = clock_->Now();
  JobEdit edit(transaction, next.job, now);
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
  // The tenant has had its turn.
  Tenant tenant = next.tenant;
  tenant.last_lease = job.lease.token;
  RETURN_IF_ERROR(transaction.tenants().Put(tenant));
  LeasedJob leased;
  ASSIGN_OR_RETURN(leased.spec, transaction.jobs().ReadPayload(job.key, JobPayload::kSpec));
  leased.job = job;
  return leased;
}

absl::StatusOr<std::optional<LeasedJob>> JobQueue::Lease(const std::string& worker,
                                                         const WorkerCatalogue& catalogue,
                                                         const std::optional<std::string>& tenant) {
  const WorkerOffer offer = {.capabilities = catalogue.capabilities, .tenant = tenant};
  // Most polls of an idle server find nothing; they should not wait for those who write. A busy one
  // is not asked twice.
  if (!work_expected_.load(std::memory_order_relaxed)) {
    bool needed = false;
    RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
      const absl::Time now = clock_->Now();
      ASSIGN_OR_RETURN(needed, transaction.jobs().AnythingDue(now));
      if (needed) return absl::OkStatus();
      ASSIGN_OR_RETURN(const std::optional<NextJob> next,
                       FindNextJob(transaction, offer, options_.tenant_defaults, now));
      needed = next.has_value();
      return absl::OkStatus();
    }));
    if (!needed) return std::nullopt;
  }

  std::vector<JobName> taken_back;
  std::optional<LeasedJob> leased;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(TakeBack(transaction, taken_back));
    ASSIGN_OR_RETURN(const std::optional<NextJob> next,
                     FindNextJob(transaction, offer, options_.tenant_defaults, clock_->Now()));
    if (!next) return absl::OkStatus();
    ASSIGN_OR_RETURN(leased, LeaseTo(transaction, worker, catalogue, *next));
    return absl::OkStatus();
  }));
  work_expected_.store(leased.has_value(), std::memory_order_relaxed);
  if (!taken_back.empty()) NotifyWork(taken_back);
  if (leased) Notify({leased->job.name});
  return leased;
}

absl::Status JobQueue::CheckLease(const JobName& name, uint64_t token) const {
  return store_->Read(
      [&](Transaction& transaction) { return Leased(transaction, name, token).status(); });
}

absl::StatusOr<HeartbeatAnswer> JobQueue::Heartbeat(const JobName& name, uint64_t token) {
  HeartbeatAnswer answer;
  // False when there is nothing to write yet.
  const auto look = [&](Transaction& transaction, Job& job) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(job, Leased(transaction, name, token));
    answer = {.expire_time = job.lease.expire_time, .cancel_requested = job.cancel_requested};
    return job.lease.expire_time - clock_->Now() < options_.lease_length * 2 / 3;
  };
  Job job;
  bool due = false;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(due, look(transaction, job));
    return absl::OkStatus();
  }));
  if (!due) return answer;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(due, look(transaction, job));
    if (!due) return absl::OkStatus();
    job.lease.expire_time = clock_->Now() + options_.lease_length;
    answer.expire_time = job.lease.expire_time;
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
    for (const JobEvent& told : events) {
      const JobEvent event = edit.job().event_count < kLongEventsMax ? told : Shortened(told);
      if (std::holds_alternative<JobState>(event.content)) continue;
      if (const auto* progress = std::get_if<JobProgress>(&event.content)) {
        edit.job().progress = *progress;
      } else if (const auto* sandbox = std::get_if<SandboxRecord>(&event.content)) {
        edit.job().attempts.back().sandbox = *sandbox;
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
  Notify({name});
  return absl::OkStatus();
}

absl::Status JobQueue::EndInFailure(JobEdit& edit, const absl::Status& error,
                                    absl::Duration delay) const {
  Job& job = edit.job();
  if (job.cancel_requested) {
    job.error = errors::Cancelled();
    return edit.Move(JobTrigger::kCancel);
  }
  if (IsFinal(error)) {
    job.error = error;
    return edit.Move(JobTrigger::kFail);
  }
  if (edit.CountedFailures() >= job.traits.max_attempts) {
    job.error = error;
    return edit.Move(JobTrigger::kGiveUp);
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

  return ShareResult(transaction, job, changed).status();
}

absl::StatusOr<bool> JobQueue::ShareResult(Transaction& transaction, const Job& source,
                                           std::vector<JobName>& changed) const {
  ASSIGN_OR_RETURN(const std::vector<Job> twins,
                   transaction.jobs().QueuedWork(source.name.tenant, source.traits.work_digest,
                                                 static_cast<int>(kSharedAtOnce)));
  for (const Job& twin : twins) {
    JobEdit reuse(transaction, twin, clock_->Now());
    RETURN_IF_ERROR(ReuseResult(transaction, reuse, source));
    changed.push_back(twin.name);
  }
  return twins.size() == kSharedAtOnce;
}

absl::Status JobQueue::ShareWithTheRest(const JobName& source,
                                        std::vector<JobName>& changed) const {
  bool more = true;
  while (more) {
    std::vector<JobName> shared;
    RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(const Job job, transaction.jobs().Get(source));
      ASSIGN_OR_RETURN(more, ShareResult(transaction, job, shared));
      return absl::OkStatus();
    }));
    changed.insert(changed.end(), shared.begin(), shared.end());
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
  } else if (edit.AttemptsSinceRedrive() >= kAttemptsMax) {
    job.error = errors::TooManyAttempts(edit.AttemptsSinceRedrive());
    RETURN_IF_ERROR(edit.Move(JobTrigger::kGiveUp));
  } else {
    RETURN_IF_ERROR(edit.Move(JobTrigger::kHandBack));
  }
  return edit.Save();
}

absl::StatusOr<JobState> JobQueue::Complete(const JobName& name, uint64_t token,
                                            const AttemptResult& result) {
  std::vector<JobName> changed = {name};
  JobState state = JobState::kQueued;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job current, transaction.jobs().Get(name));
    state = current.state;
    if (IsRepetition(current, token, result)) return absl::OkStatus();
    if (!Holds(current, token)) return errors::StaleLease(name, token);
    JobEdit edit(transaction, current, clock_->Now());
    RETURN_IF_ERROR(Finish(transaction, edit, result, changed));
    state = edit.job().state;
    return absl::OkStatus();
  }));
  if (changed.size() > kSharedAtOnce) {
    if (const absl::Status shared = ShareWithTheRest(name, changed); !shared.ok()) {
      LOG_WARNING("jobs with the same work as a finished one may run once more",
                  {{"job", name.ToString()}, {"error", FormatStatus(shared)}});
    }
  }
  NotifyWork(changed);
  return state;
}

}  // namespace quantd
