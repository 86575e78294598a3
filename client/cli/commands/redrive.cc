#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::commands::redrive {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  for (const std::string& argument : invocation.flags.arguments()) {
    ASSIGN_OR_RETURN(const v1::Job job, invocation.client.RedriveJob(invocation.JobName(argument)));
    if (invocation.json()) {
      RETURN_IF_ERROR(PrintJsonLine(job, invocation.env.out));
    } else {
      invocation.env.out << job.name() << "  " << v1::Job::State_Name(job.state()) << "\n";
    }
  }
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "redrive",
      .position = 65,
      .summary = "Queue dead-lettered jobs again.",
      .arguments = "JOB...",
      .arguments_min = 1,
      .arguments_max = 1000,
      .description =
          "A job is DEAD_LETTERED when its attempts are used up by something that may "
          "pass, like workers that died. It gets as many attempts as a new job; those "
          "before stay in its record. With --output json: one job a line.",
      .examples = {"quantctl list --filter state=DEAD_LETTERED", "quantctl redrive 01hx3k"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::redrive
