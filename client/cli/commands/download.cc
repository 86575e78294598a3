#include "client/cli/artifact_files.h"
#include "client/cli/commands/registry.h"
#include "client/cli/exit_code.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace quantd::commands::download {
namespace {

absl::StatusOr<int> Run(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::Job job,
                   invocation.client.GetJob(invocation.JobName(invocation.flags.arguments()[0])));
  const std::string folder = invocation.flags.Get("to", ".");
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, DownloadArtifact(invocation, job, folder));
  if (invocation.json()) {
    invocation.env.out << nlohmann::json({{"files", paths}}).dump(1) << "\n";
    return kExitOk;
  }
  for (const std::string& path : paths) invocation.env.out << path << "\n";
  return kExitOk;
}

}  // namespace

const Command& Info() {
  static const Command kCommand = {
      .name = "download",
      .position = 80,
      .summary = "Fetch the files of a finished job: the model and its reports.",
      .arguments = "JOB",
      .arguments_min = 1,
      .arguments_max = 1,
      .description =
          "Prints the path of each file. Every file is verified by its digest before it gets its "
          "name; a broken "
          "connection is resumed where it broke.",
      .flags = {{"to", Arity::kOne, "FOLDER",
                 "Where to; made if it does not exist. Default: the current folder."}},
      .examples = {"quantctl download 01hx3k --to out"},
      .run = Run};
  return kCommand;
}

}  // namespace quantd::commands::download
