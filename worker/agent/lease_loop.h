// Leases jobs one after the other and runs each, until told to drain.
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
            JobSession* session, BlobCache* blobs, const std::atomic<bool>* draining)
      : worker_name_(std::move(worker_name)), catalogue_(catalogue), server_(server),
        session_(session), blobs_(blobs), draining_(draining) {}

  // Returns once `draining` is true and the current job has been handed back.
  void Run();

 private:
  std::string worker_name_;
  v1::Catalogue catalogue_;
  ServerConnection* server_;
  JobSession* session_;
  BlobCache* blobs_;
  const std::atomic<bool>* draining_;
};

}  // namespace quantd
