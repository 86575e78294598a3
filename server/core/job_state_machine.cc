#include "server/core/job_state_machine.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/core/job_codec.h"

namespace quantd {
namespace {

constexpr JobTransition kTransitions[] = {
    {JobState::kQueued, JobTrigger::kLease, JobState::kRunning},
    {JobState::kQueued, JobTrigger::kReuseResult, JobState::kSucceeded},
    {JobState::kQueued, JobTrigger::kFail, JobState::kFailed},
    {JobState::kQueued, JobTrigger::kCancel, JobState::kCancelled},
    {JobState::kRunning, JobTrigger::kSucceed, JobState::kSucceeded},
    {JobState::kRunning, JobTrigger::kRetry, JobState::kQueued},
    {JobState::kRunning, JobTrigger::kHandBack, JobState::kQueued},
    {JobState::kRunning, JobTrigger::kFail, JobState::kFailed},
    {JobState::kRunning, JobTrigger::kGiveUp, JobState::kDeadLettered},
    {JobState::kRunning, JobTrigger::kCancel, JobState::kCancelled},
    {JobState::kDeadLettered, JobTrigger::kRedrive, JobState::kQueued},
};

constexpr const char* kTriggers[] = {"lease", "succeed", "reuse result", "retry", "hand back",
                                     "fail",  "give up", "redrive",      "cancel"};

}  // namespace

std::span<const JobTransition> JobTransitions() { return kTransitions; }

absl::string_view ToText(JobTrigger trigger) { return kTriggers[static_cast<int>(trigger)]; }

absl::StatusOr<JobState> NextState(JobState from, JobTrigger trigger) {
  for (const JobTransition& transition : kTransitions) {
    if (transition.from == from && transition.trigger == trigger) return transition.to;
  }
  return MakeError(absl::StatusCode::kInternal, "ILLEGAL_TRANSITION",
                   absl::StrCat("a ", ToText(from), " job cannot ", ToText(trigger)));
}

}  // namespace quantd
