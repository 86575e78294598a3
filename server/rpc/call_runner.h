// What every call has around it, so that a gRPC override is one line: the handler's absl::Status
// becomes a grpc::Status with details, exceptions of libraries end here, and the call is counted
// and, when it failed on our side, logged. Thread-safe.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/http/metrics.h"

namespace quantd {

class CallRunner {
 public:
  // Both are borrowed.
  CallRunner(Metrics* metrics, const Clock* clock) : metrics_(metrics), clock_(clock) {}

  // `method` is "JobService/CreateJob".
  grpc::Status Run(const char* method, const std::function<absl::Status()>& handler) const;

  // For a handler that returns the response.
  template <typename Response, typename Handler>
  grpc::Status Unary(const char* method, Response* response, const Handler& handler) const {
    return Run(method, [&]() -> absl::Status {
      absl::StatusOr<Response> result = handler();
      if (result.ok()) *response = *std::move(result);
      return result.status();
    });
  }

 private:
  Metrics* metrics_;
  const Clock* clock_;
};

}  // namespace quantd
