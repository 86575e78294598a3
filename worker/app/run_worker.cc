#include "worker/app/run_worker.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/grpc_log.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/job_session.h"
#include "worker/agent/job_folders.h"
#include "worker/agent/lease_loop.h"
#include "worker/agent/sandbox_probe.h"
#include "worker/agent/server_connection.h"
#include "worker/job/catalogue_proto.h"
#include "worker/sandbox/memory_cgroup.h"

namespace quantd {
namespace {

std::string DefaultName() {
  char host[256] = "worker";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", ::getpid());
}

// The file of this very program, which runs jobs too.
std::string OwnPath() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "quantd-worker";
}

absl::StatusOr<JobUser> UserOfJobs(const WorkerFlags& flags) {
  if (flags.job_user.empty()) return JobUser();
  if (::geteuid() != 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "JOB_USER_NEEDS_ROOT",
                     "--job-user: only root may run jobs as another user; leave it out or run the worker as root");
  }
  return FindJobUser(flags.job_user);
}

// Tells what the sandbox lacks here; an error when nothing may.
absl::Status CheckSandbox(const WorkerFlags& flags, const StartSandbox& sandbox, const JobFolders& folders) {
  ASSIGN_OR_RETURN(const SandboxReport report, ProbeSandbox(OwnPath(), sandbox, folders));
  const std::string missing = absl::StrJoin(report.missing, "; ");
  if (!missing.empty() && flags.require_sandbox) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "SANDBOX_INCOMPLETE",
                     absl::StrCat("--require-sandbox, and on this machine a job's sandbox lacks: ", missing,
                                  ". docs/sandbox.md says for each what the kernel or the container must allow"));
  }
  if (!missing.empty()) LOG_WARNING("jobs run in an incomplete sandbox", {{"missing", missing}});
  LOG_INFO("sandbox of jobs", {{"applied", absl::StrJoin(report.applied, " ")}});
  return absl::OkStatus();
}

// Leases and runs jobs until one of the signals, which are blocked, arrives.
absl::Status Work(const WorkerFlags& flags, const sigset_t& stop_signals) {
  const SystemClock clock;
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  ASSIGN_OR_RETURN(const JobUser user, UserOfJobs(flags));
  AttemptOptions options{.worker_binary = OwnPath(),
                         .sandbox = {.limits = {.memory_bytes_max = flags.job_memory_bytes,
                                                .cpu_seconds_max = flags.job_cpu_seconds},
                                     .user = user},
                         .require_sandbox = flags.require_sandbox,
                         .threads = flags.threads > 0 ? flags.threads : cores};
  const JobFolders folders(flags.data_dir + "/jobs", flags.job_folder_retention, user, &clock);
  RETURN_IF_ERROR(folders.Prepare());
  RETURN_IF_ERROR(CheckSandbox(flags, options.sandbox, folders));
  const absl::StatusOr<MemoryCgroups> cgroups = MemoryCgroups::Open("/sys/fs/cgroup", "/proc/self/cgroup");
  if (cgroups.ok()) options.cgroups = &*cgroups;
  LOG_INFO("control groups of jobs", {{"state", cgroups.ok() ? "in use" : FormatStatus(cgroups.status())}});

  std::atomic<bool> draining = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<ServerConnection> server,
                   ServerConnection::Open(flags.server, flags.credentials, [&] { return draining.load(); }));
  BlobCache blobs(flags.data_dir + "/blobs", flags.cache_bytes, server.get());
  JobSession session(options, &folders, server.get(), &blobs, &draining);
  const std::string name = flags.worker_name.empty() ? DefaultName() : flags.worker_name;
  LeaseLoop loop(name, MakeCatalogueProto(), server.get(), &session, &blobs, &folders, &draining);
  LOG_INFO("worker starts", {{"worker", name}, {"server", flags.server}});
  // Jobs are started from a thread that lives as long as the process: theirs ends with it (PR_SET_PDEATHSIG).
  std::thread waiter([&] {
    int received = 0;
    sigwait(&stop_signals, &received);
    LOG_INFO("worker drains", {{"signal", absl::StrCat(received)}});
    draining = true;
  });
  loop.Run();
  waiter.join();
  return absl::OkStatus();
}

}  // namespace

int RunWorker(const WorkerFlags& flags) {
  // Blocked in every thread; one thread waits for them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  SendGrpcMessagesToLog();

  const absl::Status status = Work(flags, stop_signals);
  if (!status.ok()) {
    LOG_ERROR("the worker cannot work", {{"error", FormatStatus(status)}});
    return 3;
  }
  LOG_INFO("worker ends", {});
  return 0;
}

}  // namespace quantd
