// What the server does with jobs by itself, and what it tells its operators.
#include <algorithm>

#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_edit.h"
#include "server/core/job_queue.h"

namespace quantd {
namespace {

constexpr int kReapedMax = 100;  // A call; the next one goes on.

}  // namespace

absl::Status JobQueue::TakeBack(Transaction& transaction, std::vector<JobName>& changed) const {
  const absl::Time now = clock_->Now();
  ASSIGN_OR_RETURN(const bool due, transaction.jobs().AnythingDue(now));
  if (!due) return absl::OkStatus();
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
}

absl::StatusOr<int> JobQueue::Reap() {
  // Looked at first without the cost of a write: usually there is nothing.
  bool due = false;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(due, transaction.jobs().AnythingDue(clock_->Now()));
    return absl::OkStatus();
  }));
  if (!due) return 0;
  std::vector<JobName> changed;
  RETURN_IF_ERROR(
      store_->Write([&](Transaction& transaction) { return TakeBack(transaction, changed); }));
  NotifyWork(changed);
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

absl::StatusOr<TenantUse> JobQueue::Use(const std::string& tenant) const {
  TenantUse use;
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(use.queued_jobs, transaction.jobs().CountOf(tenant, JobState::kQueued));
    ASSIGN_OR_RETURN(use.running_jobs, transaction.jobs().CountOf(tenant, JobState::kRunning));
    return absl::OkStatus();
  }));
  return use;
}

}  // namespace quantd
