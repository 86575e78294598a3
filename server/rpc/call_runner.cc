#include "server/rpc/call_runner.h"

#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
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

grpc::Status CallRunner::Run(const grpc::ServerContext* context, const char* method,
                             const google::protobuf::Message& request,
                             const Handler& handler) const {
  return RunStream(
      context, method, request, [] {}, handler);
}

grpc::Status CallRunner::RunStream(const grpc::ServerContext* context, const char* method,
                                   const google::protobuf::Message& first,
                                   const std::function<void()>& read_first,
                                   const Handler& handler) const {
  const absl::Time started = clock_->Now();
  CallRecord record{.method = method};
  const absl::Status status = WithoutExceptions([&]() -> absl::Status {
    RETURN_IF_ERROR(access_->Identify(*context, record));
    read_first();
    RETURN_IF_ERROR(access_->Admit(first, record));
    return handler(record.caller);
  });
  access_->Record(record, status);
  metrics_->CountCall(method, absl::StatusCodeToString(status.code()), clock_->Now() - started);
  if (IsOurFault(status.code())) {
    LOG_ERROR("call failed", {{"method", method}, {"error", FormatStatus(status)}});
  } else if (!status.ok()) {
    LOG_DEBUG("call refused", {{"method", method}, {"error", FormatStatus(status)}});
  }
  return ToGrpc(status);
}

}  // namespace quantd
