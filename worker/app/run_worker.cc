#include "worker/app/run_worker.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/job_session.h"
#include "worker/agent/lease_loop.h"
#include "worker/agent/server_connection.h"
#include "worker/job/catalogue_proto.h"

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

}  // namespace

int RunWorker(const WorkerFlags& flags) {
  // Blocked in every thread; one thread waits for them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  if (const absl::Status status = CreateFolders(flags.data_dir); !status.ok()) {
    LOG_ERROR("cannot use the data folder", {{"error", FormatStatus(status)}});
    return 3;
  }
  std::atomic<bool> draining = false;
  ServerConnection server(flags.server, [&] { return draining.load(); });
  BlobCache blobs(flags.data_dir + "/blobs", flags.cache_bytes, &server);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  JobSession session({.worker_binary = OwnPath(),
                      .jobs_folder = flags.data_dir + "/jobs",
                      .limits = {.memory_bytes_max = flags.job_memory_bytes,
                                 .cpu_seconds_max = flags.job_cpu_seconds},
                      .threads = flags.threads > 0 ? flags.threads : cores},
                     &server, &blobs, &draining);
  const std::string name = flags.worker_name.empty() ? DefaultName() : flags.worker_name;
  LeaseLoop loop(name, MakeCatalogueProto(), &server, &session, &blobs, &draining);
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
  LOG_INFO("worker ends", {});
  return 0;
}

}  // namespace quantd
