#include "tests/conformance/job_queue/queue_model.h"

#include <algorithm>
#include <map>

namespace quantd::testing {
namespace {

bool SameWork(const Submission& a, const Submission& b) {
  return a.tenant == b.tenant && a.traits.work_digest == b.traits.work_digest;
}

}  // namespace

ModelJob* QueueModel::Find(const JobName& name) {
  for (ModelJob& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

ModelJob* QueueModel::FindRequest(const std::string& tenant, const std::string& request_id) {
  for (ModelJob& job : jobs) {
    if (job.submission.tenant == tenant && job.submission.request_id == request_id) return &job;
  }
  return nullptr;
}

std::set<JobName> QueueModel::Sources(const Submission& submission) const {
  // Of each engine version the newest result counts; all versions are in use here.
  std::map<std::string, const ModelJob*> newest;
  for (const ModelJob& job : jobs) {
    if (job.did_the_work && SameWork(job.submission, submission)) newest[job.engine_version] = &job;
  }
  std::set<JobName> sources;
  for (const auto& [version, source] : newest) {
    if (!without_artifact.contains(source->name)) sources.insert(source->name);
  }
  return sources;
}

int64_t QueueModel::CountOf(const std::string& tenant, JobState state) const {
  return std::count_if(jobs.begin(), jobs.end(), [&](const ModelJob& job) {
    return job.state == state && job.submission.tenant == tenant;
  });
}

std::string QueueModel::Refusal(const Submission& submission) const {
  if (!Sources(submission).empty()) return "";
  if (paused) return "SERVER_PAUSED";
  const auto tenant = tenants.find(submission.tenant);
  if (tenant == tenants.end() || !tenant->second.limits.queued_jobs_max) return "";
  const bool full =
      CountOf(submission.tenant, JobState::kQueued) >= *tenant->second.limits.queued_jobs_max;
  return full ? "QUOTA_EXCEEDED" : "";
}

ModelJob& QueueModel::Submit(const Submission& submission, const JobName& name, absl::Time now) {
  const std::set<JobName> sources = Sources(submission);
  ModelJob& job = jobs.emplace_back();
  job.submission = submission;
  job.name = name;
  job.created = now;
  job.not_before = now;
  job.may_be_from = sources;
  if (!job.may_be_from.empty()) job.state = JobState::kSucceeded;
  return job;
}

void QueueModel::Redrive(ModelJob& job, absl::Time now) {
  job.may_be_from = Sources(job.submission);
  job.state = job.may_be_from.empty() ? JobState::kQueued : JobState::kSucceeded;
  job.before_redrive = job.outcomes.size();
  job.not_before = now;
  job.cancel_requested = false;
}

void QueueModel::Cancel(ModelJob& job) {
  if (job.state == JobState::kQueued) job.state = JobState::kCancelled;
  if (job.state == JobState::kRunning) job.cancel_requested = true;
}

int QueueModel::Reap(absl::Time now) {
  int reaped = 0;
  for (ModelJob& job : jobs) {
    if (job.state == JobState::kRunning && job.expires <= now) {
      End(job, AttemptOutcome::kLeaseExpired, false);
      job.not_before = now;
      ++reaped;
    } else if (job.state == JobState::kQueued && !job.started &&
               job.created + job.submission.traits.queue_timeout <= now) {
      job.state = JobState::kFailed;
      ++reaped;
    }
  }
  return reaped;
}

bool QueueModel::WorkRuns(const Submission& submission) const {
  return std::any_of(jobs.begin(), jobs.end(), [&](const ModelJob& job) {
    return job.state == JobState::kRunning && SameWork(job.submission, submission);
  });
}

ModelJob* QueueModel::NextOf(const std::string& tenant,
                             const std::vector<std::string>& capabilities, absl::Time now) {
  const auto rank = [](const ModelJob& job) {
    return job.created - job.submission.traits.priority * absl::Minutes(10);
  };
  ModelJob* next = nullptr;
  for (ModelJob& job : jobs) {
    if (job.state != JobState::kQueued || job.submission.tenant != tenant || job.not_before > now ||
        WorkRuns(job.submission)) {
      continue;
    }
    bool capable = true;
    for (const std::string& needed : job.submission.traits.requirements) {
      capable &= std::count(capabilities.begin(), capabilities.end(), needed) > 0;
    }
    if (!capable) continue;
    // Older ones come first in the list, so only a lower rank replaces one.
    if (next == nullptr || rank(job) < rank(*next)) next = &job;
  }
  return next;
}

ModelJob* QueueModel::Next(const std::vector<std::string>& capabilities,
                           const std::optional<std::string>& only, absl::Time now) {
  std::set<std::string> names;
  for (const ModelJob& job : jobs) names.insert(job.submission.tenant);
  using Turn = std::pair<double, uint64_t>;
  std::optional<Turn> best;
  ModelJob* next = nullptr;
  for (const std::string& name : names) {
    const ModelTenant tenant = tenants[name];
    const int64_t running = CountOf(name, JobState::kRunning);
    if (only && *only != name) continue;
    if (tenant.limits.running_jobs_max && running >= *tenant.limits.running_jobs_max) continue;
    ModelJob* job = NextOf(name, capabilities, now);
    const Turn turn = {static_cast<double>(running) / tenant.weight, tenant.last_lease};
    if (job == nullptr || (best && *best <= turn)) continue;
    best = turn;
    next = job;
  }
  return next;
}

void QueueModel::Lease(ModelJob& job, uint64_t token, const std::string& engine_version,
                       absl::Time now) {
  job.state = JobState::kRunning;
  job.started = true;
  job.token = token;
  job.expires = now + lease_length_;
  job.engine_version = engine_version;
  tenants[job.submission.tenant].last_lease = token;
  job.outcomes.push_back(AttemptOutcome::kRunning);
}

void QueueModel::Renew(absl::Time now) {
  for (ModelJob& job : jobs) {
    if (job.state == JobState::kRunning) job.expires = std::max(job.expires, now + lease_length_);
  }
}

void QueueModel::Heartbeat(ModelJob& job, absl::Time now) {
  // Not before a third of the lease has passed.
  if (job.expires - now < lease_length_ * 2 / 3) job.expires = now + lease_length_;
}

int QueueModel::CountedFailures(const ModelJob& job) {
  int failures = 0;
  for (size_t i = job.before_redrive; i < job.outcomes.size(); ++i) {
    failures += job.outcomes[i] == AttemptOutcome::kFailed ||
                job.outcomes[i] == AttemptOutcome::kLeaseExpired;
  }
  return failures;
}

void QueueModel::End(ModelJob& job, AttemptOutcome outcome, bool permanent) {
  job.outcomes.back() = outcome;
  if (outcome == AttemptOutcome::kSucceeded) {
    job.state = JobState::kSucceeded;
    job.did_the_work = true;
    for (ModelJob& twin : jobs) {
      if (twin.state != JobState::kQueued || !SameWork(twin.submission, job.submission)) continue;
      twin.state = JobState::kSucceeded;
      twin.may_be_from = {job.name};
    }
    return;
  }
  if (job.cancel_requested || outcome == AttemptOutcome::kCancelled) {
    job.state = JobState::kCancelled;
  } else if (outcome == AttemptOutcome::kHandedBack) {
    job.state = JobState::kQueued;
  } else if (permanent) {
    job.state = JobState::kFailed;
  } else if (CountedFailures(job) >= job.submission.traits.max_attempts) {
    job.state = JobState::kDeadLettered;
  } else {
    job.state = JobState::kQueued;
  }
}

}  // namespace quantd::testing
