// absl::Status <-> grpc::Status. Details travel as a google.rpc.Status in the trailer grpc-status-details-bin,
// which is where every gRPC client library looks for them.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace quantd {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace quantd
