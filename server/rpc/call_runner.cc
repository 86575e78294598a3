#include "server/rpc/call_runner.h"

#include <exception>
#include <new>

#include "common/error.h"
#include "common/log.h"
#include "proto/wire/status_grpc.h"

namespace quantd {
namespace {

// Ours to look into; the others are the caller's, or pass by themselves.
bool IsOurFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

absl::Status WithoutExceptions(const std::function<absl::Status()>& handler) {
  try {
    return handler();
  } catch (const std::bad_alloc&) {
    return MakeError(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                     "the server has no memory for this call");
  } catch (const std::exception& error) {
    return MakeError(absl::StatusCode::kInternal, "UNEXPECTED_EXCEPTION", error.what());
  }
}

}  // namespace

grpc::Status CallRunner::Run(const char* method,
                             const std::function<absl::Status()>& handler) const {
  const absl::Time started = clock_->Now();
  const absl::Status status = WithoutExceptions(handler);
  metrics_->CountCall(method, absl::StatusCodeToString(status.code()), clock_->Now() - started);
  if (IsOurFault(status.code())) {
    LOG_ERROR("call failed", {{"method", method}, {"error", status.ToString()}});
  } else if (!status.ok()) {
    LOG_DEBUG("call refused", {{"method", method}, {"error", status.ToString()}});
  }
  return ToGrpc(status);
}

}  // namespace quantd
