// One job's process: started in its sandbox, its output and events read, its end explained.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "worker/sandbox/start_sandbox.h"

namespace quantd {

// How a process ended.
struct ExitState {
  bool signalled = false;
  int code = 0;  // Exit code, or the signal's number.
};

// OK for exit code 0; else why the attempt failed: CHILD_CRASHED names the signal, CHILD_KILLED is SIGKILL
// (the out-of-memory killer or an operator), CPU_LIMIT, FILE_SIZE_LIMIT. MEMORY_LIMIT is SIGKILL when its control
// group `ran_out_of_memory`.
absl::Status ExplainExit(const ExitState& exit, bool ran_out_of_memory = false);

class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> arguments;  // [0] is the program's path. "{events}" becomes the event pipe's fd.
    StartSandbox sandbox;  // `parent` is filled in.
  };

  // Bytes as they arrive: `log` from standard output and error, `events` from the event pipe.
  struct Readers {
    std::function<void(absl::string_view)> log;
    std::function<void(absl::string_view)> events;
  };

  static absl::StatusOr<ChildProcess> Start(const Options& options);
  ~ChildProcess();  // Kills a process that still runs.
  ChildProcess(ChildProcess&&) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  // Reads until the process has ended and both pipes are at their end. `keep_running` is asked at least every 100 ms;
  // when it says no the process gets SIGTERM, and SIGKILL after `grace`.
  ExitState Wait(const Readers& readers, const std::function<bool()>& keep_running,
                 absl::Duration grace);

  pid_t pid() const { return pid_; }
  // What the process took from itself before it ran the program.
  const SandboxReport& sandbox() const { return sandbox_; }

 private:
  ChildProcess() = default;
  pid_t pid_ = -1;
  int log_fd_ = -1;
  int events_fd_ = -1;
  SandboxReport sandbox_;
};

}  // namespace quantd
