// absl::Status <-> grpc::Status. Details travel as a google.rpc.Status in the trailer
// grpc-status-details-bin, which is where every gRPC client library looks for them.
//
// A call that is cut off from outside its handler can carry no trailer of its own: its message ends
// with the reason in brackets, "nothing was sent for 1m [STREAM_IDLE]", which FromGrpc()
// understands.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace quantd {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace quantd
