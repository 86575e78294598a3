// One attempt at a job on this worker: inputs fetched, its process run and watched, its result uploaded.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/child_process.h"
#include "worker/agent/event_relay.h"
#include "worker/agent/job_folders.h"
#include "worker/agent/server_connection.h"
#include "worker/sandbox/memory_cgroup.h"

namespace quantd {

struct AttemptOptions {
  std::string worker_binary;  // Run again with --run-job.
  StartSandbox sandbox;
  const MemoryCgroups* cgroups = nullptr;  // Borrowed; null: none were delegated.
  bool require_sandbox = false;            // A job whose sandbox is not whole does not run.
  int threads = 1;                         // For jobs that leave the choice to the worker.
};

class JobAttempt {
 public:
  // Everything is borrowed. `stop` becoming true ends the attempt, within a second, whatever it does.
  JobAttempt(const AttemptOptions& options, const JobFolders& folders, ServerConnection* server,
             BlobCache* blobs, EventRelay* relay, const v1::Lease& lease, std::function<bool()> stop)
      : options_(options), folders_(folders), server_(server), blobs_(blobs), relay_(relay),
        lease_(lease), stop_(std::move(stop)) {}

  // OK: the files are uploaded and named in `success`. CANCELLED when it was stopped. Uploads count as part of the
  // attempt: when they fail, the attempt fails.
  absl::Status Run(const JobFolder& folder, v1::CompleteJobRequest::Success& success);

 private:
  absl::Status Prepare(const JobFolder& folder);
  absl::Status RunProcess(const JobFolder& folder);
  absl::Status Upload(const JobFolder& folder, v1::CompleteJobRequest::Success& success);

  const AttemptOptions& options_;
  const JobFolders& folders_;
  ServerConnection* server_;
  BlobCache* blobs_;
  EventRelay* relay_;
  const v1::Lease& lease_;
  std::function<bool()> stop_;
};

}  // namespace quantd
