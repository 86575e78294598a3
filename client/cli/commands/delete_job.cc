#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace quantd::commands::delete_job {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  for (const std::string& argument : invocation.flags.arguments()) {
    const std::string name = invocation.JobName(argument);
    RETURN_IF_ERROR(invocation.client.DeleteJob(name));
    if (invocation.json()) {
      invocation.env.out << nlohmann::json({{"deleted", name}}).dump() << "\n";
    } else {
      invocation.env.out << name << "  deleted\n";
    }
  }
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "delete",
      .position = 70,
      .summary = "Remove the records of finished jobs; their artifacts stay.",
      .arguments = "JOB...",
      .arguments_min = 1,
      .arguments_max = 1000,
      .description = "With --output json: one object a line.",
      .examples = {"quantctl delete 01hx3k"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::delete_job
