// What every call has around it, so that a gRPC override is one line: the caller is recognized and
// admitted, the handler's absl::Status becomes a grpc::Status with details, exceptions of libraries
// end here, and the call is counted, audited and, when it failed on our side, logged. A call that
// goes on for long ends when its caller is not recognized any more. Thread-safe.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/core/access.h"
#include "server/http/metrics.h"
#include "server/rpc/access_control.h"
#include "server/rpc/open_calls.h"

namespace quantd {

class CallRunner {
 public:
  using Handler = std::function<absl::Status(const Caller&)>;

  // Everything is borrowed.
  CallRunner(AccessControl* access, OpenCalls* open_calls, Metrics* metrics, const Clock* clock)
      : access_(access), open_calls_(open_calls), metrics_(metrics), clock_(clock) {}

  // `method` is "JobService/CreateJob". The handler does not run for a call that is not admitted.
  grpc::Status Run(grpc::ServerContext* context, const char* method,
                   const google::protobuf::Message& request, const Handler& handler) const;

  // For a stream of requests, whose first one decides who may send it. `read_first` fills `first`,
  // which stays empty when the stream is.
  grpc::Status RunStream(grpc::ServerContext* context, const char* method,
                         const google::protobuf::Message& first,
                         const std::function<void()>& read_first, const Handler& handler) const;

  // For a handler that returns the response, with or without asking who calls.
  template <typename Response, typename ResponseHandler>
  grpc::Status Unary(grpc::ServerContext* context, const char* method,
                     const google::protobuf::Message& request, Response* response,
                     const ResponseHandler& handler) const {
    return Run(context, method, request, [&](const Caller& caller) -> absl::Status {
      absl::StatusOr<Response> result = [&]() -> absl::StatusOr<Response> {
        if constexpr (std::is_invocable_v<const ResponseHandler&, const Caller&>) {
          return handler(caller);
        } else {
          return handler();
        }
      }();
      if (result.ok()) *response = *std::move(result);
      return result.status();
    });
  }

 private:
  absl::Status Handle(grpc::ServerContext* context, const google::protobuf::Message& first,
                      const std::function<void()>& read_first, const Handler& handler,
                      CallRecord& record) const;

  AccessControl* access_;
  OpenCalls* open_calls_;
  Metrics* metrics_;
  const Clock* clock_;
};

}  // namespace quantd
