// Which state follows which, and why. The drawing is docs/job_states.md; a test compares both.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/core/job.h"

namespace quantd {

enum class JobTrigger {
  kLease,        // A worker takes the job.
  kSucceed,      // Its worker delivered artifact and report.
  kReuseResult,  // An identical job's result serves this one too.
  kRetry,        // The attempt failed or was lost, and another one is due.
  kHandBack,     // The worker stops; the attempt does not count.
  kFail,         // The failure is permanent, or nobody started it in time.
  kGiveUp,       // The attempts are used up by what may pass.
  kRedrive,      // Somebody asked for a new budget of attempts.
  kCancel,       // Somebody asked for it, and no worker works on it any more.
};

struct JobTransition {
  JobState from;
  JobTrigger trigger;
  JobState to;
};

// All of them; whatever is not listed is not allowed.
std::span<const JobTransition> JobTransitions();

absl::string_view ToText(JobTrigger trigger);

// INTERNAL, reason ILLEGAL_TRANSITION, naming both.
absl::StatusOr<JobState> NextState(JobState from, JobTrigger trigger);

}  // namespace quantd
