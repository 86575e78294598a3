#include "worker/agent/sandbox_probe.h"

#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "worker/agent/child_events.h"
#include "worker/agent/child_process.h"

namespace quantd {
namespace {

constexpr absl::Duration kGrace = absl::Milliseconds(500);

absl::StatusOr<SandboxReport> Run(const std::string& worker_binary, const StartSandbox& sandbox,
                                  const JobFolder& folder) {
  ASSIGN_OR_RETURN(ChildProcess child,
                   ChildProcess::Start({.arguments = {worker_binary, "--probe-sandbox", folder.path,
                                                      "--events-fd", "{events}"},
                                        .sandbox = sandbox}));
  EventParser parser;
  std::string log;
  std::optional<SandboxReport> report;
  const ExitState exit = child.Wait(
      {.log = [&](absl::string_view text) { log.append(text.data(), text.size()); },
       .events =
           [&](absl::string_view bytes) {
             const auto events = parser.Feed(bytes);
             if (events.ok() && !events->empty() && events->front().has_sandbox()) {
               report = FromProto(events->front().sandbox());
             }
           }},
      [] { return true; }, kGrace);
  RETURN_IF_ERROR(Annotate(ExplainExit(exit), absl::StrCat("the process that tries the sandbox said '", log, "'")));
  if (!report) return absl::InternalError("the process that tries the sandbox said nothing");
  return MergeReports(child.sandbox(), *report);
}

}  // namespace

absl::StatusOr<SandboxReport> ProbeSandbox(const std::string& worker_binary, const StartSandbox& sandbox,
                                           const JobFolders& folders) {
  ASSIGN_OR_RETURN(const HeldJobFolder held, folders.Open(absl::StrCat("probe.", ::getpid())));
  const absl::Status given = folders.HandOver(held.folder());
  const absl::StatusOr<SandboxReport> report =
      given.ok() ? Run(worker_binary, sandbox, held.folder()) : given;
  RETURN_IF_ERROR(RemoveAll(held.folder().path));
  return report;
}

}  // namespace quantd
