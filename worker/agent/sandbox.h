// What a job's process may not do: reach a network, gain privileges, outlive its worker, or use more memory, CPU
// time, file size and files than its limits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantd {

struct SandboxLimits {
  int64_t memory_bytes_max = int64_t{16} << 30;  // Address space.
  int64_t cpu_seconds_max = 24 * 3600;
  int64_t file_bytes_max = int64_t{64} << 30;
  int64_t open_files_max = 1024;
};

// Applied in the child between fork and exec, so it only makes system calls (async-signal-safe). Returns
// 0, or the errno of a limit that could not be set. `network_isolated` tells whether the process has
// no network: containers that forbid user namespaces leave it one.
int ApplySandbox(const SandboxLimits& limits, bool* network_isolated);

}  // namespace quantd
