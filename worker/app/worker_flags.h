// The options of quantd-worker: flags, QUANTD_WORKER_... variables and a YAML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/log_options.h"
#include "common/config/options.h"
#include "proto/wire/credential_options.h"

namespace quantd {

struct WorkerFlags {
  std::string server = "127.0.0.1:7460";
  std::string worker_name;  // Default: host name and process id.
  std::string data_dir = "quantd-worker-data";
  int threads = 0;  // 0: one per core.
  int64_t job_memory_bytes = int64_t{16} << 30;
  int64_t job_cpu_seconds = 24 * 3600;
  int64_t cache_bytes = int64_t{20} << 30;
  absl::Duration job_folder_retention = absl::Hours(24);
  std::string job_user;  // Empty: jobs run as the worker's user.
  bool require_sandbox = false;
  CredentialOptions credentials;
  LogSettings log;
  bool help = false;
  bool version = false;

  // Set for the child process of one job, or one that tries the sandbox; they read flags only.
  std::string run_job;
  std::string probe_sandbox;
  int events_fd = -1;
};

// `arguments` are those after the program's name. INVALID_ARGUMENT names the flag, the variable or
// the file's key; see common/config/options.h.
absl::StatusOr<WorkerFlags> ParseWorkerFlags(const std::vector<std::string>& arguments,
                                             const Environment& environment = ProcessEnvironment());

std::string WorkerHelp();

}  // namespace quantd
