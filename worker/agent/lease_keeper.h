// Extends a lease by heartbeats from a thread of its own, for as long as it lives.
#pragma once

#include <atomic>
#include <optional>

#include "absl/time/time.h"
#include "common/repeating_thread.h"
#include "quantd/v1/worker.pb.h"
#include "worker/agent/server_connection.h"

namespace quantd {

class LeaseKeeper {
 public:
  // `server` is borrowed.
  LeaseKeeper(ServerConnection* server, const v1::Lease& lease);

  // The job belongs to somebody else, or the lease ran out while the server could not be reached.
  bool lost() const { return lost_; }
  bool cancel_requested() const { return cancel_requested_; }

 private:
  void Heartbeat();

  ServerConnection* server_;
  v1::HeartbeatRequest request_;
  absl::Duration lease_length_;
  absl::Time expires_;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> cancel_requested_ = false;
  std::optional<RepeatingThread> thread_;
};

}  // namespace quantd
