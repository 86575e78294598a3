// The command line of quantd-worker.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace quantd {

struct WorkerFlags {
  std::string server = "127.0.0.1:7460";
  std::string worker_name;  // Default: host name and process id.
  std::string data_dir = "quantd-worker-data";
  int threads = 0;  // 0: one per core.
  int64_t job_memory_bytes = int64_t{16} << 30;
  int64_t job_cpu_seconds = 24 * 3600;
  int64_t cache_bytes = int64_t{20} << 30;
  std::string log_level = "info";
  std::string log_format = "text";
  bool help = false;
  bool version = false;

  // Set for the child process of one job.
  std::string run_job;
  int events_fd = -1;
};

// INVALID_ARGUMENT names the flag. Flags are --name value or --name=value.
absl::StatusOr<WorkerFlags> ParseWorkerFlags(int argc, char** argv);

std::string WorkerHelp();

}  // namespace quantd
