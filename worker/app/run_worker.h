// The worker as a whole: flags to objects, signals to draining.
#pragma once

#include "worker/app/worker_flags.h"

namespace quantd {

// Runs until SIGTERM or SIGINT; returns the process's exit code.
int RunWorker(const WorkerFlags& flags);

}  // namespace quantd
