// What quantd can be told, by flags, environment variables (QUANTD_...) and a YAML file, in that order of precedence.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/log.h"

namespace quantd {

struct ServerConfig {
  std::string listen = "127.0.0.1:7460";
  std::string metrics_listen = "127.0.0.1:7461";  // Empty: no metrics.
  std::string data_dir = "quantd-data";
  std::string port_file;  // Where to write the ports in use; empty: nowhere.
  bool embedded = false;
  int workers = 1;  // With `embedded`.
  int worker_threads = 0;  // Of each embedded worker's job; 0: the cores shared among the workers.
  std::string worker_binary;  // Empty: quantd-worker beside this program.
  absl::Duration lease_length = absl::Seconds(15);
  absl::Duration drain_timeout = absl::Seconds(30);
  int calls_max = 512;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  bool help = false;
  bool version = false;
};

// INVALID_ARGUMENT that names the flag, the variable or the file's key.
absl::StatusOr<ServerConfig> ParseServerConfig(int argc, char** argv);

std::string ServerHelp();

}  // namespace quantd
