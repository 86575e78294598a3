// Tries a job's whole sandbox with a process that does nothing else, so that a machine's gaps are known before its first
// job.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/agent/job_folders.h"
#include "worker/sandbox/sandbox_report.h"
#include "worker/sandbox/start_sandbox.h"

namespace quantd {

// Runs `worker_binary --probe-sandbox`. An error: not even a process that is to do nothing could be started.
absl::StatusOr<SandboxReport> ProbeSandbox(const std::string& worker_binary, const StartSandbox& sandbox,
                                           const JobFolders& folders);

}  // namespace quantd
