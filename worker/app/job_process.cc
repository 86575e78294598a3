#include "worker/app/job_process.h"

#include <string>

#include "common/error.h"
#include "common/log.h"
#include "worker/agent/child_events.h"
#include "worker/job/job_runner.h"
#include "worker/job/protocol/event_pipe.h"
#include "worker/job/protocol/job_folder.h"
#include "worker/sandbox/job_sandbox.h"

namespace quantd {
namespace {

// Before any thread and any input: what a job is made of is not to be trusted with more than its own folder.
void EnterSandbox(const JobFolder& folder, int events_fd) {
  const SandboxReport report = EnterJobSandbox(
      {.readable_folder = folder.path,
       .writable_folders = {folder.CheckpointFolder(), folder.OutputFolder()}});
  v1::JobEvent event;
  *event.mutable_sandbox() = ToProto(report);
  EventWriter(events_fd).Write(event);
}

}  // namespace

int RunJobProcess(const WorkerFlags& flags) {
  const JobFolder folder{flags.run_job};
  EnterSandbox(folder, flags.events_fd);
  const absl::Status status = RunJob({.folder = folder,
                                      .events_fd = flags.events_fd,
                                      .threads = flags.threads > 0 ? flags.threads : 1});
  if (status.ok()) return 0;
  LOG_ERROR("no verdict", {{"error", FormatStatus(status)}});
  return 3;
}

int RunSandboxProbe(const WorkerFlags& flags) {
  EnterSandbox({flags.probe_sandbox}, flags.events_fd);
  return 0;
}

}  // namespace quantd
