// What clients do with jobs. The workers' part is in job_leases.cc, maintenance in
// job_maintenance.cc.
#include "server/core/job_queue.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/status_macros.h"
#include "server/core/catalogue_registry.h"
#include "server/core/errors.h"
#include "server/core/job_edit.h"
#include "server/core/result_cache.h"

namespace quantd {
namespace {

absl::StatusOr<std::vector<std::string>> EngineVersions(Transaction& transaction,
                                                        const std::string& tenant) {
  ASSIGN_OR_RETURN(const std::vector<WorkerCatalogue> current,
                   CatalogueRegistry::Current(transaction, tenant));
  std::vector<std::string> versions;
  for (const WorkerCatalogue& catalogue : current) {
    if (std::find(versions.begin(), versions.end(), catalogue.engine_version) == versions.end()) {
      versions.push_back(catalogue.engine_version);
    }
  }
  return versions;
}

// In the transaction that stores the job, as the garbage collector needs it: whatever the caller
// looked at before may have been collected since.
absl::Status UseInputs(const Submission& submission, BlobStores& blobs) {
  const std::shared_ptr<BlobStore> store = blobs.Of(submission.tenant);
  for (const std::string& digest : submission.traits.inputs) {
    const absl::Status used = store->Use(digest).status();
    if (absl::IsNotFound(used)) return errors::InputMissing(digest);
    RETURN_IF_ERROR(used);
  }
  return absl::OkStatus();
}

}  // namespace

JobQueue::JobQueue(const QueueOptions& options, JobStore* store, BlobStores* blobs,
                   const Clock* clock, IdSource* ids, ChangeSignal* signal)
    : options_(options), store_(store), blobs_(blobs), clock_(clock), ids_(ids), signal_(signal) {}

void JobQueue::Notify(const std::vector<JobName>& changed) const {
  for (const JobName& name : changed) signal_->Notify(name.ToString());
}

void JobQueue::NotifyWork(const std::vector<JobName>& changed) const {
  Notify(changed);
  signal_->Notify(kWorkTopic);
}

absl::StatusOr<std::optional<Job>> JobQueue::ResultFor(Transaction& transaction,
                                                       const Job& job) const {
  ASSIGN_OR_RETURN(const std::vector<std::string> versions,
                   EngineVersions(transaction, job.name.tenant));
  return FindResult(transaction, *blobs_, job, versions);
}

absl::Status JobQueue::Admit(Transaction& transaction, const std::string& tenant) const {
  ASSIGN_OR_RETURN(const bool paused, transaction.tenants().Paused());
  if (paused) return errors::ServerPaused();
  ASSIGN_OR_RETURN(const Tenant found, transaction.tenants().Get(tenant));
  const std::optional<int64_t> max =
      Effective(found.limits, options_.tenant_defaults).queued_jobs_max;
  if (!max) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t queued, transaction.jobs().CountOf(tenant, JobState::kQueued));
  if (queued < *max) return absl::OkStatus();
  return errors::QuotaExceeded(tenant, "queued_jobs_max", *max, queued);
}

absl::StatusOr<Job> JobQueue::Submit(const Submission& submission) {
  const absl::Time now = clock_->Now();
  Job job{.name = {submission.tenant, ids_->Next()},
          .display_name = submission.display_name,
          .labels = submission.labels,
          .request_id = submission.request_id,
          .request_digest = submission.request_digest,
          .traits = submission.traits,
          .create_time = now,
          .update_time = now,
          .not_before = now,
          .event_count = 1};
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    if (!submission.request_id.empty()) {
      ASSIGN_OR_RETURN(
          const std::optional<Job> earlier,
          transaction.jobs().FindByRequestId(submission.tenant, submission.request_id));
      if (earlier && earlier->request_digest != submission.request_digest) {
        return errors::RequestIdReused(submission.request_id, earlier->name);
      }
      if (earlier) {
        job = *earlier;
        return absl::OkStatus();
      }
    }
    ASSIGN_OR_RETURN(const std::optional<Job> source, ResultFor(transaction, job));
    // A job that is finished at once takes no place in the queue.
    if (!source) RETURN_IF_ERROR(Admit(transaction, submission.tenant));
    RETURN_IF_ERROR(UseInputs(submission, *blobs_));
    ASSIGN_OR_RETURN(job.key, transaction.jobs().Insert(job, submission.spec));
    RETURN_IF_ERROR(transaction.events().Append(
        job.key, {{.sequence = 1, .time = now, .content = JobState::kQueued}}));
    if (!source) return absl::OkStatus();
    JobEdit cached(transaction, job, now);
    RETURN_IF_ERROR(ReuseResult(transaction, cached, *source));
    job = cached.job();
    return absl::OkStatus();
  }));
  NotifyWork({job.name});
  return job;
}

absl::StatusOr<Job> JobQueue::Get(const JobName& name) const {
  Job job;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(job, transaction.jobs().Get(name));
    return absl::OkStatus();
  }));
  return job;
}

absl::StatusOr<FullJob> JobQueue::GetFull(const JobName& name) const {
  FullJob full;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(full.job, transaction.jobs().Get(name));
    ASSIGN_OR_RETURN(full.spec, transaction.jobs().ReadPayload(full.job.key, JobPayload::kSpec));
    ASSIGN_OR_RETURN(full.report,
                     transaction.jobs().ReadPayload(full.job.key, JobPayload::kReport));
    return absl::OkStatus();
  }));
  return full;
}

absl::StatusOr<std::vector<Job>> JobQueue::List(const JobQuery& query) const {
  std::vector<Job> jobs;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(jobs, transaction.jobs().List(query));
    return absl::OkStatus();
  }));
  return jobs;
}

absl::StatusOr<Job> JobQueue::Cancel(const JobName& name) {
  Job job;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(job, transaction.jobs().Get(name));
    if (IsFinished(job.state) || job.cancel_requested) return absl::OkStatus();
    JobEdit edit(transaction, job, clock_->Now());
    edit.job().cancel_requested = true;
    if (job.state == JobState::kQueued) {
      edit.job().error = errors::Cancelled();
      RETURN_IF_ERROR(edit.Move(JobTrigger::kCancel));
    }
    RETURN_IF_ERROR(edit.Save());
    job = edit.job();
    return absl::OkStatus();
  }));
  Notify({name});
  return job;
}

absl::StatusOr<Job> JobQueue::Redrive(const JobName& name) {
  Job job;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(job, transaction.jobs().Get(name));
    if (job.state != JobState::kDeadLettered) return errors::JobNotDeadLettered(name, job.state);
    if (job.attempts.size() >= kAttemptsKeptMax) {
      return errors::TooManyRedrives(name, job.attempts.size());
    }
    ASSIGN_OR_RETURN(const std::optional<Job> source, ResultFor(transaction, job));
    if (!source) RETURN_IF_ERROR(Admit(transaction, name.tenant));
    JobEdit edit(transaction, job, clock_->Now());
    RETURN_IF_ERROR(edit.StartAnew());
    RETURN_IF_ERROR(edit.Save());
    if (source) RETURN_IF_ERROR(ReuseResult(transaction, edit, *source));
    job = edit.job();
    return absl::OkStatus();
  }));
  NotifyWork({name});
  return job;
}

absl::Status JobQueue::Delete(const JobName& name, std::optional<int64_t> version) {
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job job, transaction.jobs().Get(name));
    if (version && *version != job.version) return errors::EtagMismatch(name);
    if (!IsFinished(job.state)) return errors::JobNotFinished(name);
    return transaction.jobs().Delete(job.key);
  }));
  Notify({name});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobEvent>> JobQueue::Events(const JobName& name, int64_t after,
                                                       int limit) const {
  std::vector<JobEvent> events;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Job job, transaction.jobs().Get(name));
    ASSIGN_OR_RETURN(events, transaction.events().Read(job.key, after, limit));
    return absl::OkStatus();
  }));
  return events;
}

}  // namespace quantd
