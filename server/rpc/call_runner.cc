#include "server/rpc/call_runner.h"

#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/without_exceptions.h"
#include "proto/wire/status_grpc.h"
#include "server/rpc/cut_off.h"

namespace quantd {
namespace {

// Ours to look into; the others are the caller's, or pass by themselves.
bool IsOurFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

}  // namespace

absl::Status CallRunner::Handle(grpc::ServerContext* context,
                                const google::protobuf::Message& first,
                                const std::function<void()>& read_first, const Handler& handler,
                                CallRecord& record) const {
  const absl::Time recognized = clock_->Now();
  const std::string secret = AccessControl::SecretOf(*context);
  RETURN_IF_ERROR(access_->Identify(secret, record));
  ASSIGN_OR_RETURN(const std::unique_ptr<OpenCalls::Call> call,
                   open_calls_->Begin({secret, recognized, access_->CountedWith(record)},
                                      [&](const absl::Status& end) { CutOff(*context, end); }));
  const absl::Status status = [&]() -> absl::Status {
    read_first();
    RETURN_IF_ERROR(access_->Admit(first, record));
    return handler(record.caller);
  }();
  const absl::Status end = call->end();
  return end.ok() ? status : end;
}

grpc::Status CallRunner::Run(grpc::ServerContext* context, const char* method,
                             const google::protobuf::Message& request,
                             const Handler& handler) const {
  return RunStream(
      context, method, request, [] {}, handler);
}

grpc::Status CallRunner::RunStream(grpc::ServerContext* context, const char* method,
                                   const google::protobuf::Message& first,
                                   const std::function<void()>& read_first,
                                   const Handler& handler) const {
  const absl::Time started = clock_->Now();
  CallRecord record{.method = method, .peer = context->peer()};
  const absl::Status status =
      WithoutExceptions([&] { return Handle(context, first, read_first, handler, record); });
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
