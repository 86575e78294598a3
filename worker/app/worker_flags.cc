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
      {.name = "job-memory-bytes",
       .value = BytesValue(&flags->job_memory_bytes, 1 << 20, kNoLimit),
       .summary = "Address space of a job's process."},
      {.name = "job-cpu-seconds",
       .value = IntegerValue("N", &flags->job_cpu_seconds, 1, kNoLimit),
       .summary = "CPU time of a job's process, in seconds."},
      {.name = "cache-bytes",
       .value = BytesValue(&flags->cache_bytes, 0, kNoLimit),
       .summary = "Size of the inputs that are kept for later jobs."}};
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
      "machine or the server failed.\n");
}

}  // namespace quantd
