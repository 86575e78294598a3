// quantd-worker: the worker, and with --run-job the process of one job.
#include <cstdio>
#include <string>

#include "common/log.h"
#include "worker/app/job_process.h"
#include "worker/app/run_worker.h"
#include "worker/app/worker_flags.h"
#include "worker/methods/catalogue.h"

namespace quantd {
namespace {

int Main(int argc, char** argv) {
  const absl::StatusOr<WorkerFlags> flags = ParseWorkerFlags({argv + 1, argv + argc});
  if (!flags.ok()) {
    std::fprintf(stderr, "quantd-worker: %s\n", std::string(flags.status().message()).c_str());
    return 2;
  }
  if (flags->help || flags->version) {
    const std::string text = flags->help ? WorkerHelp() : std::string("quantd-worker ") + kEngineVersion + "\n";
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  ConfigureLog(flags->log.level, flags->log.format);
  if (!flags->run_job.empty()) return RunJobProcess(*flags);
  return flags->probe_sandbox.empty() ? RunWorker(*flags) : RunSandboxProbe(*flags);
}

}  // namespace
}  // namespace quantd

int main(int argc, char** argv) { return quantd::Main(argc, argv); }
