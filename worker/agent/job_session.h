// One leased job on this worker: its lease kept, its attempt run, the server told, and its folder removed when nobody
// will come back for it.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/blob_cache.h"
#include "worker/agent/job_attempt.h"
#include "worker/agent/job_folders.h"
#include "worker/agent/server_connection.h"

namespace quantd {

class JobSession {
 public:
  // Everything but the options is borrowed. `draining` becoming true hands the job back.
  JobSession(const AttemptOptions& options, const JobFolders* folders, ServerConnection* server,
             BlobCache* blobs, const std::atomic<bool>* draining)
      : options_(options), folders_(folders), server_(server), blobs_(blobs), draining_(draining) {}

  // Runs the lease to its end and tells the server. An error here is one of talking to the server or of
  // this machine's disk; the job's own failure has been reported and is OK.
  absl::Status Run(const v1::Lease& lease);

 private:
  AttemptOptions options_;
  const JobFolders* folders_;
  ServerConnection* server_;
  BlobCache* blobs_;
  const std::atomic<bool>* draining_;
};

}  // namespace quantd
