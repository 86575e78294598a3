#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "client/cli/report_view.h"
#include "common/status_macros.h"

namespace quantd::commands::compare {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  v1::CompareJobsRequest request;
  request.set_baseline(invocation.JobName(invocation.flags.arguments()[0]));
  request.set_candidate(invocation.JobName(invocation.flags.arguments()[1]));
  ASSIGN_OR_RETURN(const v1::CompareJobsResponse response, invocation.client.CompareJobs(request));
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(response, invocation.env.out));
    return kExitOk;
  }
  invocation.env.out << request.candidate() << " minus " << request.baseline() << "\n";
  PrintMetrics(response.differences(), invocation.env.out);
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "compare",
      .position = 100,
      .summary = "Compare two finished jobs that were evaluated on the same rows.",
      .arguments = "BASELINE CANDIDATE",
      .arguments_min = 2,
      .arguments_max = 2,
      .description =
          "Prints the differences, candidate minus baseline, with intervals where the rows can be "
          "paired.",
      .examples = {"quantctl compare 01hx3k 01hx9q"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::compare
