// Keeps the worker processes of an embedded server running: one thread a worker starts it, waits
// for it, and starts it again when it dies.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quantd {

struct WorkerCommand {
  std::string name;                    // For the log.
  std::vector<std::string> arguments;  // [0] is the program's path.
};

// How long to wait before the next start: 0.1 s, doubled with each death up to 10 s.
// REQUIRES: deaths_in_a_row >= 1.
absl::Duration RestartDelay(int deaths_in_a_row);

// The deaths in a row after one more, of a worker that lived for so long. A long life starts the
// count anew.
int DeathsInARow(int before, absl::Duration lived);
inline constexpr absl::Duration kLongLife = absl::Minutes(1);

// How a process ended, from what waitpid() says: "exit code 3", "killed by signal 9 (Killed)".
std::string ExplainEnd(int wait_status);

// quantd-worker in the folder of this very program. NOT_FOUND, reason WORKER_NOT_FOUND, naming the
// place.
absl::StatusOr<std::string> DefaultWorkerBinary();

// Thread-safe.
class WorkerSupervisor {
 public:
  // Starts them all. NOT_FOUND, reason WORKER_NOT_FOUND, when a program cannot be executed.
  // REQUIRES: SIGTERM and SIGINT are blocked in the calling thread; the workers get the default
  // mask and the default actions. Of the caller's open files they get standard output and error.
  static absl::StatusOr<std::unique_ptr<WorkerSupervisor>> Start(
      std::vector<WorkerCommand> commands);

  // Kills what still runs. A worker also dies with this process, however that ends.
  ~WorkerSupervisor();

  // Asks every worker to hand its job back and waits until all have ended; kills those that have
  // not after `timeout`. No worker is started again.
  void Drain(absl::Duration timeout);

  // Of the workers that run at the moment.
  std::vector<int> pids() const;

 private:
  class Worker;
  WorkerSupervisor();
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace quantd
