#include "client/cli/follow.h"

#include "client/cli/output.h"
#include "client/cli/progress_view.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

void ShowJsonEvent(const v1::JobEvent& event, bool logs, std::ostream& out) {
  if (event.has_log() && !logs) return;
  if (!PrintJsonLine(event, out).ok()) return;  // Cannot fail for a message without Any.
  out.flush();
}

// The stop token of the invocation's own client has been used up by the interrupt.
absl::Status CancelAfterInterrupt(const Invocation& invocation, const std::string& job) {
  InterruptibleSleeper sleeper((std::stop_token()));
  Client client(invocation.connection, {invocation.retry, {}}, invocation.env.clock, &sleeper,
                invocation.parent());
  return client.CancelJob(job).status();
}

void TellInterrupted(Invocation& invocation, const FollowOptions& options) {
  std::ostream& err = invocation.env.err;
  if (options.cancel_on_interrupt) {
    const absl::Status cancelled = CancelAfterInterrupt(invocation, options.job);
    if (cancelled.ok()) {
      err << "interrupted; " << options.job << " is being cancelled\n";
      return;
    }
    err << "interrupted; cancelling failed: " << std::string(cancelled.message()) << "\n";
  }
  err << "interrupted; the job goes on\n"
      << "  watch it:  quantctl watch " << options.job << "\n"
      << "  stop it:   quantctl cancel " << options.job << "\n";
}

}  // namespace

absl::StatusOr<v1::Job> FollowJob(Invocation& invocation, const FollowOptions& options) {
  absl::StatusOr<v1::Job> job;
  if (!options.events) {
    job = invocation.client.WaitJob(options.job, options.deadline);
  } else if (invocation.json()) {
    job = invocation.client.WatchJob(
        options.job, 0, options.deadline,
        [&](const v1::JobEvent& event) { ShowJsonEvent(event, options.logs, *options.out); });
  } else {
    ProgressView view(*options.out, options.live, options.logs);
    ASSIGN_OR_RETURN(const v1::Job now, invocation.client.GetJob(options.job));
    view.ShowConditions(now);
    job = invocation.client.WatchJob(options.job, 0, options.deadline,
                                     [&](const v1::JobEvent& event) { view.Show(event); });
  }
  if (!job.ok() && invocation.env.interrupted.stop_requested())
    TellInterrupted(invocation, options);
  return job;
}

}  // namespace quantd
