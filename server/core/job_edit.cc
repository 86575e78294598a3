#include "server/core/job_edit.h"

#include <algorithm>

#include "common/check.h"
#include "common/status_macros.h"

namespace quantd {

absl::Status JobEdit::Move(JobTrigger trigger) {
  ASSIGN_OR_RETURN(job_.state, NextState(job_.state, trigger));
  if (IsFinished(job_.state)) job_.end_time = now_;
  Emit(job_.state);
  return absl::OkStatus();
}

absl::Status JobEdit::StartAnew() {
  RETURN_IF_ERROR(Move(JobTrigger::kRedrive));
  job_.attempts_before_redrive = job_.attempts.size();
  job_.not_before = now_;
  job_.end_time.reset();
  job_.error = absl::OkStatus();
  job_.cancel_requested = false;
  job_.progress = JobProgress();
  return absl::OkStatus();
}

void JobEdit::Emit(decltype(JobEvent::content) content) {
  events_.push_back({.sequence = ++job_.event_count, .time = now_, .content = std::move(content)});
}

void JobEdit::EndAttempt(AttemptOutcome outcome, const absl::Status& error) {
  QUANTD_CHECK(!job_.attempts.empty() && job_.attempts.back().outcome == AttemptOutcome::kRunning);
  Attempt& attempt = job_.attempts.back();
  attempt.end_time = now_;
  attempt.outcome = outcome;
  attempt.error = error;
}

size_t JobEdit::AttemptsSinceRedrive() const {
  return job_.attempts.size() - std::min(job_.attempts_before_redrive, job_.attempts.size());
}

int JobEdit::CountedFailures() const {
  const auto counted = job_.attempts.end() - static_cast<std::ptrdiff_t>(AttemptsSinceRedrive());
  return static_cast<int>(std::count_if(counted, job_.attempts.end(), [](const Attempt& attempt) {
    return attempt.outcome == AttemptOutcome::kFailed ||
           attempt.outcome == AttemptOutcome::kLeaseExpired;
  }));
}

absl::Status JobEdit::Save() {
  ++job_.version;
  job_.update_time = now_;
  RETURN_IF_ERROR(transaction_.jobs().Update(job_));
  if (events_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(transaction_.events().Append(job_.key, events_));
  events_.clear();
  return absl::OkStatus();
}

}  // namespace quantd
