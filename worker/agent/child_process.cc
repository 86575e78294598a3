#include "worker/agent/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/errno_status.h"
#include "common/error.h"

namespace quantd {
namespace {

void CloseIfOpen(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// What of the worker's environment a job may know. The rest may hold the operator's secrets, and a job's input may
// make its process tell all that it knows. An entry that ends in '*' is a prefix.
constexpr absl::string_view kEnvironment[] = {
    // The system's libraries.
    "PATH", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "MALLOC_*", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR",
    // Threads and kernels.
    "OMP_*", "GOMP_*", "KMP_*", "DNNL_*", "ONEDNN_*", "QUANTD_ISA", "QUANTD_OPTIMIZE",
    "QUANTD_LOG_LEVEL", "QUANTD_LOG_FORMAT",
    // Builds with sanitizers.
    "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

bool MayKnow(absl::string_view name) {
  for (absl::string_view allowed : kEnvironment) {
    const bool prefix = absl::ConsumeSuffix(&allowed, "*");
    if (prefix ? absl::StartsWith(name, allowed) : name == allowed) return true;
  }
  return false;
}

// The entries are those of this process.
std::vector<char*> JobEnvironment() {
  std::vector<char*> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    if (MayKnow(text.substr(0, text.find('=')))) entries.push_back(*entry);
  }
  entries.push_back(nullptr);
  return entries;
}

// Runs in the child. Only system calls from here on: other threads' locks are frozen.
[[noreturn]] void ExecChild(char* const* arguments, char* const* environment, const StartSandbox& sandbox,
                            int log_fd, int events_fd, int report_fd) {
  StartState state = ApplyStartSandbox(sandbox);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (state.failed_step == StartState::kNone &&
      (null_fd < 0 || ::dup2(null_fd, 0) < 0 || ::dup2(log_fd, 1) < 0 || ::dup2(log_fd, 2) < 0 ||
       ::fcntl(events_fd, F_SETFD, 0) != 0)) {
    state.failed_step = StartState::kOutput;
    state.error = errno;
  }
  if (state.failed_step == StartState::kNone) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::write(report_fd, &state, sizeof(state)) == sizeof(state)) {
      ::execve(arguments[0], arguments, environment);
    }
    state.failed_step = StartState::kExec;
    state.error = errno;
  }
  const ssize_t ignored = ::write(report_fd, &state, sizeof(state));
  ::_exit(ignored > 0 ? 126 : 127);
}

// Reads what is there. False at the end of the stream.
bool Drain(int fd, const std::function<void(absl::string_view)>& reader) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) reader({buffer.data(), static_cast<size_t>(got)});
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

// Reads what an ended process left in a pipe, without waiting for others that still hold it open.
void DrainRest(int& fd, const std::function<void(absl::string_view)>& reader) {
  if (fd < 0) return;
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  pollfd polled{fd, POLLIN, 0};
  while (::poll(&polled, 1, 0) > 0 && Drain(fd, reader)) {
  }
  CloseIfOpen(fd);
}

}  // namespace

absl::Status ExplainExit(const ExitState& exit, bool ran_out_of_memory) {
  if (!exit.signalled && exit.code == 0) return absl::OkStatus();
  if (!exit.signalled) {
    return MakeError(absl::StatusCode::kInternal, "CHILD_FAILED",
                     absl::StrCat("the job's process ended with exit code ", exit.code,
                                  " without a result; its log has more"));
  }
  switch (exit.code) {
    case SIGXCPU:
      return MakeError(absl::StatusCode::kResourceExhausted, "CPU_LIMIT",
                       "the job's process used up its CPU time");
    case SIGXFSZ:
      return MakeError(absl::StatusCode::kResourceExhausted, "FILE_SIZE_LIMIT",
                       "the job's process wrote a file over its size limit");
    case SIGKILL:
      if (ran_out_of_memory) {
        return MakeError(absl::StatusCode::kResourceExhausted, "MEMORY_LIMIT",
                         "the job's process used more memory than its limit (--job-memory-bytes) and was killed");
      }
      return MakeError(absl::StatusCode::kUnavailable, "CHILD_KILLED",
                       "the job's process was killed (SIGKILL): by the system when memory ran out, "
                       "or by an operator");
    default:
      return MakeError(absl::StatusCode::kInternal, "CHILD_CRASHED",
                       absl::StrCat("the job's process crashed: ", strsignal(exit.code), " (signal ",
                                    exit.code, ")"));
  }
}

absl::StatusOr<ChildProcess> ChildProcess::Start(const Options& options) {
  int log_pipe[2] = {-1, -1}, events_pipe[2] = {-1, -1}, report_pipe[2] = {-1, -1};
  for (int* ends : {log_pipe, events_pipe, report_pipe}) {
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      const absl::Status status = ErrnoStatus("create", "a pipe");
      for (int* open : {log_pipe, events_pipe, report_pipe}) {
        CloseIfOpen(open[0]);
        CloseIfOpen(open[1]);
      }
      return status;
    }
  }
  std::vector<std::string> arguments = options.arguments;
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    if (argument == "{events}") argument = absl::StrCat(events_pipe[1]);
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);

  const std::vector<char*> environment = JobEnvironment();

  StartSandbox sandbox = options.sandbox;
  sandbox.parent = ::getpid();
  ChildProcess child;
  child.pid_ = ::fork();
  if (child.pid_ == 0) {
    ExecChild(argv.data(), environment.data(), sandbox, log_pipe[1], events_pipe[1], report_pipe[1]);
  }
  const absl::Status fork_error =
      child.pid_ < 0 ? ErrnoStatus("start", arguments[0]) : absl::OkStatus();
  CloseIfOpen(log_pipe[1]);
  CloseIfOpen(events_pipe[1]);
  CloseIfOpen(report_pipe[1]);
  child.log_fd_ = log_pipe[0];
  child.events_fd_ = events_pipe[0];

  // The last report counts: exec closes the pipe when it succeeds and reports once more when it fails.
  StartState state, next;
  while (child.pid_ > 0) {
    const ssize_t got = ::read(report_pipe[0], &next, sizeof(next));
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof(next)) break;
    state = next;
  }
  CloseIfOpen(report_pipe[0]);
  if (!fork_error.ok()) return fork_error;
  if (state.failed_step != StartState::kNone) {
    errno = state.error;
    return Annotate(ErrnoStatus("start", arguments[0]),
                    absl::StrCat("the process could not ", ExplainStep(state.failed_step)));
  }
  child.sandbox_ = DescribeStart(state);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_fd_(std::exchange(other.log_fd_, -1)),
      events_fd_(std::exchange(other.events_fd_, -1)),
      sandbox_(std::move(other.sandbox_)) {}

ChildProcess::~ChildProcess() {
  CloseIfOpen(log_fd_);
  CloseIfOpen(events_fd_);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

ExitState ChildProcess::Wait(const Readers& readers, const std::function<bool()>& keep_running,
                             absl::Duration grace) {
  absl::Time kill_at = absl::InfiniteFuture();
  bool terminated = false;
  int state = 0;
  for (bool exited = false; !exited;) {
    if (!terminated && !keep_running()) {
      ::kill(pid_, SIGTERM);
      terminated = true;
      kill_at = absl::Now() + grace;
    }
    if (absl::Now() >= kill_at) {
      ::kill(pid_, SIGKILL);
      kill_at = absl::InfiniteFuture();
    }
    // The ends of both pipes wake this up when the process exits; the time-out serves keep_running.
    std::array<pollfd, 2> polled = {pollfd{log_fd_, POLLIN, 0}, pollfd{events_fd_, POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), 100);
    if (ready > 0 && polled[0].revents != 0 && !Drain(log_fd_, readers.log)) CloseIfOpen(log_fd_);
    if (ready > 0 && polled[1].revents != 0 && !Drain(events_fd_, readers.events)) {
      CloseIfOpen(events_fd_);
    }
    exited = ::waitpid(pid_, &state, WNOHANG) == pid_;
  }
  pid_ = -1;
  DrainRest(log_fd_, readers.log);
  DrainRest(events_fd_, readers.events);
  if (WIFSIGNALED(state)) return {.signalled = true, .code = WTERMSIG(state)};
  return {.signalled = false, .code = WEXITSTATUS(state)};
}

}  // namespace quantd
