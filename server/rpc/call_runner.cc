#include "server/rpc/call_runner.h"

#include "common/error.h"
#include "common/log.h"
#include "common/without_exceptions.h"
#include "proto/wire/status_grpc.h"

namespace quantd {
namespace {

// Ours to look into; the others are the caller's, or pass by themselves.
bool IsOurFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

}  // namespace

grpc::Status CallRunner::Run(const char* method,
                             const std::function<absl::Status()>& handler) const {
  const absl::Time started = clock_->Now();
  const absl::Status status = WithoutExceptions(handler);
  metrics_->CountCall(method, absl::StatusCodeToString(status.code()), clock_->Now() - started);
  if (IsOurFault(status.code())) {
    LOG_ERROR("call failed", {{"method", method}, {"error", FormatStatus(status)}});
  } else if (!status.ok()) {
    LOG_DEBUG("call refused", {{"method", method}, {"error", FormatStatus(status)}});
  }
  return ToGrpc(status);
}

}  // namespace quantd
