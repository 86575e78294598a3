// What quantd can be told by flags, environment variables (QUANTD_...) and a YAML file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/log_options.h"
#include "common/config/options.h"
#include "server/core/tenant.h"
#include "server/rpc/certificate_files.h"

namespace quantd {

enum class AuthMode { kNone, kToken };

struct ServerConfig {
  std::string listen = "127.0.0.1:7460";
  std::string metrics_listen = "127.0.0.1:7461";  // "none": no metrics.
  std::string data_dir = "quantd-data";
  std::string port_file;  // Where to write the ports in use; empty: nowhere.
  bool embedded = false;
  int workers = 1;         // With `embedded`.
  int worker_threads = 0;  // Of each embedded worker's job; 0: the cores shared among the workers.
  bool require_sandbox = false;  // Of the embedded workers.
  std::string worker_binary;     // Empty: quantd-worker beside this program.
  absl::Duration lease_length = absl::Seconds(15);
  absl::Duration drain_timeout = absl::Seconds(30);
  int calls_max = 512;
  int tenant_calls_max = 0;  // 0: a third of them.
  int connections_max = 1000;
  int connections_per_address_max = 0;  // 0: half of them.
  AuthMode auth = AuthMode::kNone;
  std::string admin_token_file;  // Empty: admin.token in the data folder.
  TlsFiles tls;
  bool insecure = false;
  bool metrics_insecure = false;
  std::string audit_log;     // Empty: audit.log in the data folder; "none": there is none.
  int calls_per_second = 0;  // Of one tenant; 0: no limit.
  // Of a tenant that has no limits of its own; 0: no limit.
  int queued_jobs_max = 10'000;
  int running_jobs_max = 0;
  absl::Duration stream_idle_timeout = absl::Seconds(60);
  absl::Duration blob_grace = absl::Hours(24);
  absl::Duration garbage_interval = absl::Hours(1);
  int64_t stored_bytes_max = 0;                     // Of a tenant; 0: no limit.
  absl::Duration retention = absl::ZeroDuration();  // 0: for ever.
  LogSettings log;
  bool help = false;
  bool version = false;
};

// `arguments` are those after the program's name. Errors of OptionTable::Load().
absl::StatusOr<ServerConfig> ParseServerConfig(
    const std::vector<std::string>& arguments,
    const Environment& environment = ProcessEnvironment());

std::string ServerHelp();

}  // namespace quantd
