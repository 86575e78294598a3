// What clients do with jobs, and maintenance. The workers' part is in job_leases.cc.
#include "server/core/job_queue.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "server/core/catalogue_registry.h"
#include "server/core/errors.h"
#include "server/core/job_edit.h"
#include "server/core/result_cache.h"

namespace quantd {
namespace {

constexpr int kReapedMax = 100;  // A call; the next one goes on.

absl::StatusOr<std::vector<std::string>> EngineVersions(Transaction& transaction) {
  ASSIGN_OR_RETURN(const std::vector<WorkerCatalogue> current,
                   CatalogueRegistry::Current(transaction));
  std::vector<std::string> versions;
  for (const WorkerCatalogue& catalogue : current) {
    if (std::find(versions.begin(), versions.end(), catalogue.engine_version) == versions.end()) {
      versions.push_back(catalogue.engine_version);
    }
  }
  return versions;
}

}  // namespace

JobQueue::JobQueue(const QueueOptions& options, JobStore* store, BlobStores* blobs,
                   const Clock* clock, IdSource* ids, ChangeSignal* signal)
    : options_(options), store_(store), blobs_(blobs), clock_(clock), ids_(ids), signal_(signal) {}

void JobQueue::Notify(const std::vector<JobName>& changed) const {
  for (const JobName& name : changed) signal_->Notify(name.ToString());
  signal_->Notify(kWorkTopic);
}

absl::Status JobQueue::TakeResultFromCache(Transaction& transaction, JobEdit& edit) const {
  ASSIGN_OR_RETURN(const std::vector<std::string> versions, EngineVersions(transaction));
  ASSIGN_OR_RETURN(const std::optional<Job> source,
                   FindResult(transaction, *blobs_, edit.job(), versions));
  return source ? ReuseResult(transaction, edit, *source) : absl::OkStatus();
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
          .not_before = now};
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
    ASSIGN_OR_RETURN(job.key, transaction.jobs().Insert(job, submission.spec));
    JobEdit edit(transaction, job, now);
    edit.Emit(JobState::kQueued);
    RETURN_IF_ERROR(edit.Save());
    JobEdit cached(transaction, edit.job(), now);
    RETURN_IF_ERROR(TakeResultFromCache(transaction, cached));
    job = cached.job();
    return absl::OkStatus();
  }));
  Notify({job.name});
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

absl::StatusOr<int> JobQueue::Reap() {
  std::vector<JobName> changed;
  const absl::Time now = clock_->Now();
  // Looked at first without the cost of a write: usually there is nothing.
  bool needed = false;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Job> expired, transaction.jobs().ExpiredLeases(now, 1));
    ASSIGN_OR_RETURN(const std::vector<Job> overdue, transaction.jobs().OverdueQueued(now, 1));
    needed = !expired.empty() || !overdue.empty();
    return absl::OkStatus();
  }));
  if (!needed) return 0;
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Job> expired,
                     transaction.jobs().ExpiredLeases(now, kReapedMax));
    for (const Job& job : expired) {
      RETURN_IF_ERROR(ExpireLease(transaction, job));
      changed.push_back(job.name);
    }
    ASSIGN_OR_RETURN(const std::vector<Job> overdue,
                     transaction.jobs().OverdueQueued(now, kReapedMax));
    for (const Job& job : overdue) {
      JobEdit edit(transaction, job, now);
      edit.job().error = errors::QueueTimeout(job.traits.queue_timeout);
      RETURN_IF_ERROR(edit.Move(JobTrigger::kFail));
      RETURN_IF_ERROR(edit.Save());
      changed.push_back(job.name);
    }
    return absl::OkStatus();
  }));
  Notify(changed);
  return static_cast<int>(changed.size());
}

absl::Status JobQueue::RenewRunningLeases() {
  return store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Job> running, transaction.jobs().Running());
    for (Job job : running) {
      job.lease.expire_time =
          std::max(job.lease.expire_time, clock_->Now() + options_.lease_length);
      RETURN_IF_ERROR(transaction.jobs().Update(job));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<QueueCounts> JobQueue::Count() const {
  QueueCounts counts;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(counts, transaction.jobs().Count());
    return absl::OkStatus();
  }));
  return counts;
}

}  // namespace quantd
