#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/follow.h"
#include "client/cli/report_view.h"
#include "common/status_macros.h"

namespace quantd::commands::watch {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  ASSIGN_OR_RETURN(const absl::Duration wait,
                   flags.Duration("wait-timeout", absl::InfiniteDuration()));
  ASSIGN_OR_RETURN(const v1::Job job,
                   FollowJob(invocation, {.job = invocation.JobName(flags.arguments()[0]),
                                          .deadline = invocation.env.clock->Now() + wait,
                                          .logs = flags.Has("logs"),
                                          .cancel_on_interrupt = flags.Has("cancel-on-interrupt"),
                                          .out = &invocation.env.out,
                                          .live = invocation.env.out_is_terminal}));
  if (!invocation.json()) PrintOutcome(job, invocation.env.out);
  return ExitCodeOf(job);
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "watch",
      .position = 30,
      .summary = "Follow a job until it ends, then show its report.",
      .arguments = "JOB",
      .arguments_min = 1,
      .arguments_max = 1,
      .description =
          "A progress bar on a terminal, plain lines elsewhere (times are UTC); with --output json "
          "one event a line. "
          "Survives lost connections and restarts of the server. Ctrl-C stops watching, not the "
          "job.",
      .flags = {{"logs", Arity::kSwitch, "", "Show the job's own output too."},
                {"wait-timeout", Arity::kOne, "DURATION",
                 "Watch at most this long; the exit code is then 4."},
                {"cancel-on-interrupt", Arity::kSwitch, "", "Ctrl-C cancels the job."}},
      .examples = {"quantctl watch 01hx3k", "quantctl watch tenants/default/jobs/01hx3k --logs"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::watch
