#include "server/rpc/cut_off.h"

#include <grpc/grpc.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace quantd {

void CutOff(grpc::ServerContext& context, const absl::Status& status) {
  const std::string message =
      absl::StrCat(status.message(), " [", GetErrorDetails(status).reason, "]");
  // The codes of both are those of gRPC's specification.
  grpc_call_cancel_with_status(context.c_call(), static_cast<grpc_status_code>(status.raw_code()),
                               message.c_str(), nullptr);
}

}  // namespace quantd
