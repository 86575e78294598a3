#include "server/app/supervisor/worker_supervisor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/errno_status.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr absl::Duration kRestartDelayMin = absl::Milliseconds(100);
constexpr absl::Duration kRestartDelayMax = absl::Seconds(10);
// SIGKILL takes as long as the kernel needs to tear the process down.
constexpr absl::Duration kKillTimeout = absl::Minutes(1);
// What a process says that could not become the worker; shells say so as well.
constexpr int kCannotExecute = 127;
constexpr char kWorkerProgram[] = "quantd-worker";

absl::Status CheckExecutable(const std::string& path) {
  if (::access(path.c_str(), X_OK) == 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "WORKER_NOT_FOUND",
                   absl::StrCat("cannot execute the worker ", path, ": ", std::strerror(errno),
                                "; see --worker-binary"));
}

// Between fork() and exec(): only calls that are safe there.
[[noreturn]] void BecomeWorker(char* const* arguments, pid_t parent) {
  // The signal is tied to the thread that forked, which lives as long as the supervisor.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // It died before the line above.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // An ignored signal would stay ignored, and a worker that ignores SIGTERM never drains.
  for (const int signal : {SIGTERM, SIGINT, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_DFL);
  // A worker that held the server's sockets or its database would keep them from its successor.
  ::close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::execv(arguments[0], arguments);
  ::_exit(kCannotExecute);
}

}  // namespace

absl::Duration RestartDelay(int deaths_in_a_row) {
  return std::min(kRestartDelayMin * std::ldexp(1.0, std::min(deaths_in_a_row - 1, 20)),
                  kRestartDelayMax);
}

int DeathsInARow(int before, absl::Duration lived) { return lived >= kLongLife ? 1 : before + 1; }

std::string ExplainEnd(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return absl::StrCat("killed by signal ", signal, " (", ::strsignal(signal), ")");
  }
  const int code = WEXITSTATUS(wait_status);
  return absl::StrCat("exit code ", code,
                      code == kCannotExecute ? " (it could not be executed)" : "");
}

absl::StatusOr<std::string> DefaultWorkerBinary() {
  char own[4096];
  const ssize_t length = ::readlink("/proc/self/exe", own, sizeof(own));
  if (length < 0) return ErrnoStatus("read", "/proc/self/exe");
  const std::string path(own, static_cast<size_t>(length));
  const std::string worker = path.substr(0, path.rfind('/') + 1) + kWorkerProgram;
  RETURN_IF_ERROR(CheckExecutable(worker));
  return worker;
}

// One worker and the thread that looks after it.
class WorkerSupervisor::Worker {
 public:
  explicit Worker(WorkerCommand command) : command_(std::move(command)) {
    for (std::string& argument : command_.arguments) argv_.push_back(argument.data());
    argv_.push_back(nullptr);
    thread_ = std::thread([this] { Run(); });
  }

  ~Worker() {
    Stop(SIGKILL);
    thread_.join();
  }

  // Sends the signal to the process, if one runs, and lets none follow it.
  void Stop(int signal) {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    // The process is not reaped before the lock is free, so the number is still its own.
    if (pid_ > 0) ::kill(pid_, signal);
    changed_.notify_all();
  }

  // Whether the process has ended by then.
  bool WaitUntilEnded(absl::Time deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return pid_ < 0; });
  }

  int pid() const {
    const std::lock_guard lock(mutex_);
    return pid_;
  }

 private:
  void Run() {
    int deaths = 0;
    while (StartProcess()) {
      const absl::Time started = absl::Now();
      const std::string end = WaitForProcess();
      deaths = DeathsInARow(deaths, absl::Now() - started);
      std::unique_lock lock(mutex_);
      if (stop_) return;
      const absl::Duration delay = RestartDelay(deaths);
      LOG_WARNING(
          "worker died",
          {{"worker", command_.name}, {"end", end}, {"restart_in", absl::FormatDuration(delay)}});
      changed_.wait_for(lock, absl::ToChronoMilliseconds(delay), [this] { return stop_; });
    }
  }

  // False when none is to be started any more.
  bool StartProcess() {
    const std::lock_guard lock(mutex_);
    if (stop_) return false;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) BecomeWorker(argv_.data(), parent);
    if (child < 0) {
      LOG_ERROR("cannot start a worker",
                {{"worker", command_.name}, {"error", std::strerror(errno)}});
    } else {
      LOG_INFO("worker started", {{"worker", command_.name}, {"pid", absl::StrCat(child)}});
    }
    pid_ = child;
    return true;
  }

  // How the process ended.
  std::string WaitForProcess() {
    if (pid() < 0) return "not started";
    siginfo_t info;
    // Waits without reaping: until the lock is held, Stop() may still send a signal to this number.
    while (::waitid(P_PID, static_cast<id_t>(pid()), &info, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    const std::lock_guard lock(mutex_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    changed_.notify_all();
    return ExplainEnd(status);
  }

  WorkerCommand command_;
  std::vector<char*> argv_;  // Into command_, ended by a null pointer.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  pid_t pid_ = -1;  // -1: none runs.
  std::thread thread_;
};

WorkerSupervisor::WorkerSupervisor() = default;
WorkerSupervisor::~WorkerSupervisor() = default;

absl::StatusOr<std::unique_ptr<WorkerSupervisor>> WorkerSupervisor::Start(
    std::vector<WorkerCommand> commands) {
  for (const WorkerCommand& command : commands) {
    RETURN_IF_ERROR(CheckExecutable(command.arguments.at(0)));
  }
  auto supervisor = absl::WrapUnique(new WorkerSupervisor());
  for (WorkerCommand& command : commands) {
    supervisor->workers_.push_back(std::make_unique<Worker>(std::move(command)));
  }
  return supervisor;
}

void WorkerSupervisor::Drain(absl::Duration timeout) {
  for (const auto& worker : workers_) worker->Stop(SIGTERM);
  const absl::Time deadline = absl::Now() + timeout;
  for (const auto& worker : workers_) {
    if (worker->WaitUntilEnded(deadline)) continue;
    LOG_WARNING("worker did not drain in time; killing it", {{"pid", absl::StrCat(worker->pid())}});
    worker->Stop(SIGKILL);
    worker->WaitUntilEnded(absl::Now() + kKillTimeout);
  }
}

std::vector<int> WorkerSupervisor::pids() const {
  std::vector<int> pids;
  for (const auto& worker : workers_) {
    if (const int pid = worker->pid(); pid > 0) pids.push_back(pid);
  }
  return pids;
}

}  // namespace quantd
