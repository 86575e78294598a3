#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::commands::cancel {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  for (const std::string& argument : invocation.flags.arguments()) {
    ASSIGN_OR_RETURN(const v1::Job job, invocation.client.CancelJob(invocation.JobName(argument)));
    if (invocation.json()) {
      RETURN_IF_ERROR(PrintJsonLine(job, invocation.env.out));
      continue;
    }
    invocation.env.out << job.name() << "  " << v1::Job::State_Name(job.state());
    if (!IsFinished(job.state()))
      invocation.env.out << " (stops as soon as its worker has stopped)";
    invocation.env.out << "\n";
  }
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "cancel",
      .position = 60,
      .summary = "Stop jobs that are queued or running.",
      .arguments = "JOB...",
      .arguments_min = 1,
      .arguments_max = 1000,
      .description = "A finished job is left as it is. With --output json: one job a line.",
      .examples = {"quantctl cancel 01hx3k"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::cancel
