#include "worker/agent/lease_keeper.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "common/log.h"

namespace quantd {
namespace {

// A cancelled job's process has ended within two seconds: this, 0.1 s until JobAttempt looks, its
// grace of 0.5 s, and as much again for a busy machine.
constexpr absl::Duration kIntervalMax = absl::Milliseconds(500);

absl::Time FromProtoTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

LeaseKeeper::LeaseKeeper(ServerConnection* server, const v1::Lease& lease) : server_(server) {
  request_.set_job(lease.job());
  request_.set_token(lease.token());
  // Lengths are measured on this machine's clock from when an answer came; the server's clock may
  // differ.
  lease_length_ = std::clamp(FromProtoTime(lease.expire_time()) - absl::Now(), absl::Seconds(1),
                             absl::Minutes(10));
  expires_ = absl::Now() + lease_length_;
  const absl::Duration interval = std::min(kIntervalMax, lease_length_ / 4);
  thread_.emplace(interval, interval, [this] { Heartbeat(); });
}

void LeaseKeeper::Heartbeat() {
  if (lost_) return;
  const absl::Time asked = absl::Now();
  const absl::StatusOr<v1::HeartbeatResponse> response = server_->Heartbeat(request_);
  if (response.ok()) {
    expires_ = asked + lease_length_;
    if (response->cancel_requested()) cancel_requested_ = true;
  } else if (absl::IsAborted(response.status()) || absl::IsNotFound(response.status())) {
    lost_ = true;
  } else if (absl::Now() >= expires_) {
    LOG_WARNING("lease ran out without an answer", {{"job", request_.job()}});
    lost_ = true;
  }
}

}  // namespace quantd
