#include "server/app/server_config.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int kWorkersMax = 256;
constexpr int kThreadsMax = 4096;
constexpr int kCallsMin = 16;  // A worker and a watcher hold one each all the time.
constexpr int kCallsMax = 100'000;
constexpr int kCallsPerSecondMax = 1'000'000;
constexpr int kJobsMax = 100'000'000;
constexpr char kNone[] = "none";
constexpr absl::Duration kKeptForMax = absl::Hours(24 * 3660);
constexpr int64_t kStoredBytesMax = int64_t{1} << 60;

// An address, or the word "none".
OptionValue OptionalHostPortValue(std::string* target) {
  OptionValue value = HostPortValue(target, PortZero::kLetsTheSystemChoose);
  value.set = [target, address = value.set](const std::string& text) {
    if (text != kNone) return address(text);
    *target = kNone;
    return absl::OkStatus();
  };
  return value;
}

OptionTable Table(ServerConfig* config) {
  std::vector<Option> options = {
      {.name = "listen",
       .value = HostPortValue(&config->listen, PortZero::kLetsTheSystemChoose),
       .summary = "Where to serve the API; port 0 lets the system choose."},
      {.name = "metrics-listen",
       .value = OptionalHostPortValue(&config->metrics_listen),
       .summary = "Where to serve /metrics; none turns it off."},
      {.name = "port-file",
       .value = TextValue("FILE", &config->port_file),
       .summary = "Write the ports in use there, as JSON, once the server serves."},
      {.name = "data-dir",
       .value = TextValue("DIR", &config->data_dir),
       .summary = "The folder of the database and the blobs."},
      {.name = "embedded",
       .value = SwitchValue(&config->embedded),
       .summary = "Run workers on this machine, too, and look after them."},
      {.name = "workers",
       .value = IntegerValue("N", &config->workers, 1, kWorkersMax),
       .summary = "With --embedded: how many; each runs one job at a time."},
      {.name = "worker-threads",
       .value = IntegerValue("N", &config->worker_threads, 0, kThreadsMax),
       .summary = "With --embedded: threads of a job; 0 shares the cores among the workers."},
      {.name = "require-sandbox",
       .value = SwitchValue(&config->require_sandbox),
       .summary =
           "With --embedded: run no jobs where their sandbox lacks something (docs/sandbox.md)."},
      {.name = "worker-binary",
       .value = TextValue("FILE", &config->worker_binary),
       .summary = "With --embedded: the worker's program.",
       .default_text = "quantd-worker beside this program"},
      {.name = "lease-length",
       .value = DurationValue(&config->lease_length, absl::Seconds(1), absl::Hours(1)),
       .summary = "How long a worker may be silent before its job is given to another."},
      {.name = "drain-timeout",
       .value = DurationValue(&config->drain_timeout, absl::ZeroDuration(), absl::Hours(1)),
       .summary = "With --embedded: how long workers may take to hand their jobs back at the end."},
      {.name = "calls-max",
       .value = IntegerValue("N", &config->calls_max, kCallsMin, kCallsMax),
       .summary = "Calls served at once, watchers and waiting workers included."},
      {.name = "tenant-calls-max",
       .value = IntegerValue("N", &config->tenant_calls_max, 0, kCallsMax),
       .summary = "Of these, those of one tenant, and as many of its workers; 0: a third of them."},
      {.name = "connections-max",
       .value = IntegerValue("N", &config->connections_max, kCallsMin, kCallsMax),
       .summary = "Connections at once; more are closed as they come."},
      {.name = "connections-per-address-max",
       .value = IntegerValue("N", &config->connections_per_address_max, 0, kCallsMax),
       .summary = "Of these, those from one address or IPv6 /64 network; 0: half of them."},
      {.name = "auth",
       .value = ChoiceValue<AuthMode>("none|token", &config->auth,
                                      {{"none", AuthMode::kNone}, {"token", AuthMode::kToken}}),
       .summary = "Whether every call needs a bearer token (quantctl admin token makes them)."},
      {.name = "admin-token-file",
       .value = TextValue("FILE", &config->admin_token_file),
       .summary = "With --auth token: the operator's own token; made when the file is missing.",
       .default_text = "admin.token in --data-dir"},
      {.name = "tls-cert",
       .value = TextValue("FILE", &config->tls.cert_file),
       .summary = "Serve over TLS with this PEM chain; read again when it changes."},
      {.name = "tls-key",
       .value = TextValue("FILE", &config->tls.key_file),
       .summary = "The private key of --tls-cert."},
      {.name = "tls-client-ca",
       .value = TextValue("FILE", &config->tls.client_ca_file),
       .summary = "Mutual TLS: clients need a certificate of one of these authorities."},
      {.name = "insecure",
       .value = SwitchValue(&config->insecure),
       .summary = "Let other machines in without TLS or authentication."},
      {.name = "metrics-insecure",
       .value = SwitchValue(&config->metrics_insecure),
       .summary = "Let other machines read /metrics, which has neither."},
      {.name = "audit-log",
       .value = TextValue("FILE", &config->audit_log),
       .summary = "Where to append who did what; none turns it off. SIGHUP opens it anew.",
       .default_text = "audit.log in --data-dir"},
      {.name = "calls-per-second",
       .value = IntegerValue("N", &config->calls_per_second, 0, kCallsPerSecondMax),
       .summary = "Of one tenant, on average, unless set for it; 0 sets no limit."},
      {.name = "queued-jobs-max",
       .value = IntegerValue("N", &config->queued_jobs_max, 0, kJobsMax),
       .summary = "Jobs that a tenant may have queued unless it has a limit of its own; 0: any."},
      {.name = "running-jobs-max",
       .value = IntegerValue("N", &config->running_jobs_max, 0, kJobsMax),
       .summary = "The same of running jobs; others wait. 0: any number."},
      {.name = "stream-idle-timeout",
       .value = DurationValue(&config->stream_idle_timeout, absl::Seconds(1), absl::Hours(1)),
       .summary = "Cut off a transfer whose client neither sends nor takes anything for so long."},
      {.name = "blob-grace",
       .value = DurationValue(&config->blob_grace, absl::ZeroDuration(), kKeptForMax),
       .summary = "How long a blob that nothing refers to is kept after its last use."},
      {.name = "garbage-interval",
       .value = DurationValue(&config->garbage_interval, absl::Seconds(1), absl::Hours(24)),
       .summary = "How often jobs, artifacts and blobs whose time is over are removed."},
      {.name = "stored-bytes-max",
       .value = BytesValue(&config->stored_bytes_max, 0, kStoredBytesMax),
       .summary = "What a tenant may store, unless it has its own limit; 0 sets none."},
      {.name = "retention",
       .value = DurationValue(&config->retention, absl::ZeroDuration(), kKeptForMax),
       .summary = "How long finished jobs and artifacts are kept, unless their tenant has its own "
                  "rule; 0s keeps them for ever."}};
  for (Option& option : LogOptions(&config->log)) options.push_back(std::move(option));
  options.push_back({.name = "help",
                     .value = SwitchValue(&config->help),
                     .summary = "Print this and exit.",
                     .kind = OptionKind::kMode});
  options.push_back({.name = "version",
                     .value = SwitchValue(&config->version),
                     .summary = "Print the version and exit.",
                     .kind = OptionKind::kMode});
  return OptionTable("quantd", "QUANTD_", std::move(options));
}

}  // namespace

absl::StatusOr<ServerConfig> ParseServerConfig(const std::vector<std::string>& arguments,
                                               const Environment& environment) {
  ServerConfig config;
  RETURN_IF_ERROR(Table(&config).Load(arguments, environment));
  return config;
}

std::string ServerHelp() {
  ServerConfig config;
  return absl::StrCat(
      "quantd serves quantization jobs: it queues them, stores models and results, and leases "
      "jobs\n"
      "to workers.\n\n"
      "Usage: quantd [OPTIONS]\n"
      "       quantd --embedded --workers 2 --data-dir DIR\n\n",
      Table(&config).Help(),
      "\nSIGTERM or SIGINT drains: running jobs of embedded workers are handed back, calls end, "
      "and\n"
      "the next start goes on from there. Exit codes: 0 drained, 2 wrong options, 3 the machine "
      "does\n"
      "not let it work.\n");
}

}  // namespace quantd
