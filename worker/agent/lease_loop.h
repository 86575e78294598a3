// Leases jobs one after the other and runs each, and tidies up in between, until told to drain.
#pragma once

#include <atomic>
#include <string>

#include "quantd/v1/quality.pb.h"
#include "worker/agent/job_session.h"
#include "worker/agent/server_connection.h"

namespace quantd {

class LeaseLoop {
 public:
  // Everything is borrowed.
  LeaseLoop(std::string worker_name, const v1::Catalogue& catalogue, ServerConnection* server,
            JobSession* session, BlobCache* blobs, const JobFolders* folders,
            const std::atomic<bool>* draining)
      : worker_name_(std::move(worker_name)), catalogue_(catalogue), server_(server),
        session_(session), blobs_(blobs), folders_(folders), draining_(draining) {}

  // Returns once `draining` is true and the current job has been handed back.
  void Run();

 private:
  // Removes what broken downloads and abandoned jobs left, and blobs above the cache's limit.
  void TidyUp();

  std::string worker_name_;
  v1::Catalogue catalogue_;
  ServerConnection* server_;
  JobSession* session_;
  BlobCache* blobs_;
  const JobFolders* folders_;
  const std::atomic<bool>* draining_;
};

}  // namespace quantd
