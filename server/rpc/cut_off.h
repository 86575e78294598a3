// Ends a call from outside its handler, for both sides.
#pragma once

#include <grpcpp/server_context.h>

#include "absl/status/status.h"

namespace quantd {

// The handler's calls to its stream return now, and it can no longer say why: `status` is what the
// client hears, its details but for the reason left out (proto/wire/status_grpc.h has the form).
// REQUIRES: the handler has not returned; `status` is an error. Does not block.
void CutOff(grpc::ServerContext& context, const absl::Status& status);

}  // namespace quantd
