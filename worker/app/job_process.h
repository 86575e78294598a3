// quantd-worker as the process of one job, or as one that only tries a job's sandbox.
#pragma once

#include "worker/app/worker_flags.h"

namespace quantd {

// Both return the process's exit code: 0 also for a job that failed, whose verdict is in its folder.
int RunJobProcess(const WorkerFlags& flags);
int RunSandboxProbe(const WorkerFlags& flags);

}  // namespace quantd
