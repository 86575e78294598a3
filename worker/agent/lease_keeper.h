// Extends a lease by heartbeats from a thread of its own, for as long as it lives.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/server_connection.h"

namespace quantd {

class LeaseKeeper {
 public:
  // `server` is borrowed.
  LeaseKeeper(ServerConnection* server, const v1::Lease& lease);
  ~LeaseKeeper();

  // The job belongs to somebody else, or the lease ran out while the server could not be reached.
  bool lost() const { return lost_; }
  bool cancel_requested() const { return cancel_requested_; }

 private:
  void Run();

  ServerConnection* server_;
  v1::HeartbeatRequest request_;
  absl::Duration lease_length_;
  absl::Time expires_;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> cancel_requested_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quantd
