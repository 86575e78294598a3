// Runs one job in this process, from the folder that the agent prepared to the verdict that it reads.
#pragma once

#include "absl/status/status.h"
#include "worker/job/protocol/job_folder.h"

namespace quantd {

struct RunJobOptions {
  JobFolder folder;
  int events_fd = -1;  // Borrowed; -1: nobody listens.
  int threads = 1;     // >= 1. Changes no bit of any result.
};

// Leaves output/status.pb in every case that leaves the process alive, so OK means that a verdict stands
// there, not that the job succeeded.
absl::Status RunJob(const RunJobOptions& options);

}  // namespace quantd
