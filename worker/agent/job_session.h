// One leased job on this worker: inputs fetched, its process run and watched, its result uploaded and committed.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/sandbox.h"
#include "worker/agent/server_connection.h"

namespace quantd {

struct JobSessionOptions {
  std::string worker_binary;  // Run again with --run-job.
  std::string jobs_folder;    // One folder a job below it.
  SandboxLimits limits;
  int threads = 1;            // For jobs that leave the choice to the worker.
};

class JobSession {
 public:
  // Everything is borrowed. `draining` becoming true hands the job back.
  JobSession(const JobSessionOptions& options, ServerConnection* server, BlobCache* blobs,
             const std::atomic<bool>* draining)
      : options_(options), server_(server), blobs_(blobs), draining_(draining) {}

  // Runs the lease to its end and tells the server. An error here is one of talking to the server or of
  // this machine's disk; the job's own failure has been reported and is OK.
  absl::Status Run(const v1::Lease& lease);

 private:
  JobSessionOptions options_;
  ServerConnection* server_;
  BlobCache* blobs_;
  const std::atomic<bool>* draining_;
};

}  // namespace quantd
