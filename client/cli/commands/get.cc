#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/job_view.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::commands::get {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::Job job,
                   invocation.client.GetJob(invocation.JobName(invocation.flags.arguments()[0])));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(job, invocation.env.out));
  } else {
    PrintJob(job, invocation.env.clock->Now(), invocation.env.out);
  }
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "get",
      .position = 40,
      .summary = "Show everything about a job.",
      .arguments = "JOB",
      .arguments_min = 1,
      .arguments_max = 1,
      .description =
          "State, times, inputs, every attempt with its reason, the report and the gates. The exit "
          "code tells "
          "whether the job could be read, not what became of it.",
      .examples = {"quantctl get 01hx3k", "quantctl get 01hx3k --output json | jq -r .state"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::get
