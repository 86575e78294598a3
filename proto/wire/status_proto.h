// absl::Status with the details of common/error.h <-> google.rpc.Status with ErrorInfo, BadRequest and
// RetryInfo. The one place where errors change form; server, worker and client share it.
#pragma once

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace quantd {

google::rpc::Status ToProto(const absl::Status& status);

// Details of kinds that quantd does not know are dropped.
absl::Status FromProto(const google::rpc::Status& status);

}  // namespace quantd
