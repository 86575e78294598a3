// The first half of a job's sandbox: what a process can take from itself between fork and exec, where only system calls
// are safe. The second half is job_sandbox.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "worker/sandbox/sandbox_report.h"

namespace quantd {

struct SandboxLimits {
  int64_t memory_bytes_max = int64_t{16} << 30;  // Address space; with a control group also memory in use.
  int64_t cpu_seconds_max = 24 * 3600;
  int64_t file_bytes_max = int64_t{64} << 30;
  int64_t open_files_max = 1024;
};

// Whom jobs run as when the worker is root. The default: as the worker does.
struct JobUser {
  bool set = false;
  uid_t uid = 0;
  gid_t gid = 0;
};

// NOT_FOUND, reason NO_SUCH_USER; INVALID_ARGUMENT, reason INVALID_JOB_USER, for root.
absl::StatusOr<JobUser> FindJobUser(const std::string& name);

struct StartSandbox {
  SandboxLimits limits;
  JobUser user;
  pid_t parent = 0;          // Whose death is the process's own.
  int cgroup_procs_fd = -1;  // Of the control group to enter; -1: none.
};

// What became of it. Plain bytes, because it travels through a pipe. An error is an errno, 0 for success.
struct StartState {
  enum Step { kNone, kParent, kCgroup, kUser, kLimits, kPrivileges, kOutput, kExec };
  Step failed_step = kNone;  // The process must not run.
  int error = 0;             // Of the failed step.
  int user_namespace_error = 0;
  int network_error = 0;
  int ipc_error = 0;
  int host_name_error = 0;
  bool unprivileged_user = false;  // Another user than the worker's.
  bool cgroup = false;
};

// Called in the child: async-signal-safe.
StartState ApplyStartSandbox(const StartSandbox& sandbox);

// The state in words; the ones after a failed step make no sense.
SandboxReport DescribeStart(const StartState& state);

// What the step was about: "set its limits".
const char* ExplainStep(StartState::Step step);

}  // namespace quantd
