#include "worker/app/worker_flags.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
// A typing error in the number of threads must not bring the machine down.
constexpr int kThreadsMax = 4096;

std::vector<Option> SandboxOptions(WorkerFlags* flags) {
  return {{.name = "job-memory-bytes",
           .value = BytesValue(&flags->job_memory_bytes, 1 << 20, kNoLimit),
           .summary = "Memory of a job's process."},
          {.name = "job-cpu-seconds",
           .value = IntegerValue("N", &flags->job_cpu_seconds, 1, kNoLimit),
           .summary = "CPU time of a job's process, in seconds."},
          {.name = "job-user",
           .value = TextValue("NAME", &flags->job_user),
           .summary = "Run jobs as this user; the worker must be root.",
           .default_text = "as the worker"},
          {.name = "require-sandbox",
           .value = SwitchValue(&flags->require_sandbox),
           .summary = "Do not start where a job's sandbox would lack something (docs/sandbox.md)."}};
}

std::vector<Option> CredentialFlags(CredentialOptions* credentials) {
  return {{.name = "tls",
           .value = SwitchValue(&credentials->tls),
           .summary = "Encrypt, and trust the authorities that this system trusts."},
          {.name = "tls-ca",
           .value = TextValue("FILE", &credentials->ca_file),
           .summary = "Encrypt, and trust the authorities of this PEM file only."},
          {.name = "tls-cert",
           .value = TextValue("FILE", &credentials->cert_file),
           .summary = "Own certificate (PEM), for servers that ask for one. Read again when it changes."},
          {.name = "tls-key",
           .value = TextValue("FILE", &credentials->key_file),
           .summary = "The private key of --tls-cert."},
          {.name = "token-file",
           .value = TextValue("FILE", &credentials->token_file),
           .summary = "The file of the worker's token. Read again when it changes."},
          {.name = "insecure",
           .value = SwitchValue(&credentials->insecure),
           .summary = "Send the token even unencrypted to another machine."}};
}

OptionTable Table(WorkerFlags* flags) {
  std::vector<Option> options = {
      {.name = "server",
       .value = HostPortValue(&flags->server),
       .summary = "The server to lease jobs from."},
      {.name = "worker-name",
       .value = TextValue("NAME", &flags->worker_name),
       .summary = "How the server knows this worker.",
       .default_text = "host name and process id"},
      {.name = "data-dir",
       .value = TextValue("DIR", &flags->data_dir),
       .summary = "The folder of cached inputs and checkpoints."},
      {.name = "threads",
       .value = IntegerValue("N", &flags->threads, 0, kThreadsMax),
       .summary = "Threads of a job that leaves the choice open; 0 means one per core."},
      {.name = "cache-bytes",
       .value = BytesValue(&flags->cache_bytes, 0, kNoLimit),
       .summary = "Size of the inputs that are kept for later jobs."},
      {.name = "job-folder-retention",
       .value = DurationValue(&flags->job_folder_retention, absl::Minutes(1), absl::Hours(24 * 365)),
       .summary = "How long the checkpoints of a job that went elsewhere are kept."}};
  for (Option& option : SandboxOptions(flags)) options.push_back(std::move(option));
  for (Option& option : CredentialFlags(&flags->credentials)) options.push_back(std::move(option));
  for (Option& option : LogOptions(&flags->log)) options.push_back(std::move(option));
  options.insert(
      options.end(),
      {{.name = "help",
        .value = SwitchValue(&flags->help),
        .summary = "Print this and exit.",
        .kind = OptionKind::kMode},
       {.name = "version",
        .value = SwitchValue(&flags->version),
        .summary = "Print the version and exit.",
        .kind = OptionKind::kMode},
       {.name = "run-job",
        .value = TextValue("DIR", &flags->run_job),
        .summary = "Run the job of this folder and exit.",
        .kind = OptionKind::kInternalMode},
       {.name = "probe-sandbox",
        .value = TextValue("DIR", &flags->probe_sandbox),
        .summary = "Try a job's sandbox in this folder and exit.",
        .kind = OptionKind::kInternalMode},
       {.name = "events-fd",
        .value = IntegerValue("FD", &flags->events_fd, 0, std::numeric_limits<int>::max()),
        .summary = "Where the job writes its events.",
        .kind = OptionKind::kInternal}});
  return OptionTable("quantd-worker", "QUANTD_WORKER_", std::move(options));
}

}  // namespace

absl::StatusOr<WorkerFlags> ParseWorkerFlags(const std::vector<std::string>& arguments,
                                             const Environment& environment) {
  WorkerFlags flags;
  RETURN_IF_ERROR(Table(&flags).Load(arguments, environment));
  return flags;
}

std::string WorkerHelp() {
  WorkerFlags defaults;
  return absl::StrCat(
      "quantd-worker leases jobs from a quantd server and runs each in a process of its own.\n\n"
      "Usage: quantd-worker [OPTIONS]\n\n",
      Table(&defaults).Help(),
      "\nSIGTERM hands the running job back and exits. Exit codes: 0 done, 2 wrong options, 3 the\n"
      "machine does not let it work, for example because --require-sandbox finds a gap.\n");
}

}  // namespace quantd
