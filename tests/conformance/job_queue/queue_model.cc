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

ModelJob& QueueModel::Submit(const Submission& submission, const JobName& name, absl::Time now) {
  // Of each engine version the newest result counts; all versions are in use here.
  std::map<std::string, const ModelJob*> newest;
  for (const ModelJob& job : jobs) {
    if (job.did_the_work && SameWork(job.submission, submission)) newest[job.engine_version] = &job;
  }
  ModelJob& job = jobs.emplace_back();
  job.submission = submission;
  job.name = name;
  job.created = now;
  job.not_before = now;
  for (const auto& [version, source] : newest) {
    if (!without_artifact.contains(source->name)) job.may_be_from.insert(source->name);
  }
  if (!job.may_be_from.empty()) job.state = JobState::kSucceeded;
  return job;
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

ModelJob* QueueModel::Next(const std::vector<std::string>& capabilities, absl::Time now) {
  ModelJob* next = nullptr;
  for (ModelJob& job : jobs) {
    if (job.state != JobState::kQueued || job.not_before > now || WorkRuns(job.submission)) {
      continue;
    }
    bool capable = true;
    for (const std::string& needed : job.submission.traits.requirements) {
      capable &= std::count(capabilities.begin(), capabilities.end(), needed) > 0;
    }
    if (!capable) continue;
    // Older ones come first in the list, so only a higher priority replaces one.
    if (next == nullptr || job.submission.traits.priority > next->submission.traits.priority) {
      next = &job;
    }
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
  job.outcomes.push_back(AttemptOutcome::kRunning);
}

void QueueModel::Renew(absl::Time now) {
  for (ModelJob& job : jobs) {
    if (job.state == JobState::kRunning) job.expires = std::max(job.expires, now + lease_length_);
  }
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
  int failures = 0;
  for (const AttemptOutcome past : job.outcomes) {
    failures += past == AttemptOutcome::kFailed || past == AttemptOutcome::kLeaseExpired;
  }
  if (job.cancel_requested || outcome == AttemptOutcome::kCancelled) {
    job.state = JobState::kCancelled;
  } else if (outcome == AttemptOutcome::kHandedBack) {
    job.state = JobState::kQueued;
  } else if (permanent || failures >= job.submission.traits.max_attempts) {
    job.state = JobState::kFailed;
  } else {
    job.state = JobState::kQueued;
  }
}

}  // namespace quantd::testing
