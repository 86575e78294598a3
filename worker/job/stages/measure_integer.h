// Runs the quantized model in integers beside its float simulation: how fast it is, and whether it says the same.
#pragma once

#include "absl/status/status.h"
#include "worker/exec/executor.h"
#include "worker/job/job_state.h"

namespace quantd {

// Fills report.measured.integer from the first batches of the evaluation rows, on one thread; leaves it empty when no
// layer of job.quantized has an integer form. `full` and `simulated` are the compiled models.
absl::Status MeasureIntegerExecution(JobState& job, const Executor& full, const Executor& simulated);

}  // namespace quantd
