// Shared by the files that implement Client; nothing else includes it.
#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "client/lib/client.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "proto/wire/status_grpc.h"
#include "quantd/v1/admin.grpc.pb.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/job.grpc.pb.h"
#include "quantd/v1/quality.grpc.pb.h"

namespace quantd {

struct Client::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : jobs(channel), artifacts(channel), quality(channel), admin(channel), health(channel) {}

  v1::JobService::Stub jobs;
  v1::ArtifactService::Stub artifacts;
  v1::QualityService::Stub quality;
  v1::AdminService::Stub admin;
  grpc::health::v1::Health::Stub health;
};

// The context of one attempt: cancelled by the stop token, ended by the deadline.
class Client::Attempt {
 public:
  Attempt(const std::stop_token& stop, absl::Time deadline)
      : cancel_(stop, [this] { context_.TryCancel(); }) {
    if (deadline != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
  }

  grpc::ClientContext* context() { return &context_; }

 private:
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> cancel_;  // Last: gone before the context is.
};

template <typename Response, typename Stub, typename Method, typename Request>
absl::StatusOr<Response> Client::Call(Stub* stub, Method method, const Request& request,
                                      bool idempotent) {
  Response response;
  const auto attempt = [&](absl::Time deadline) {
    Attempt call(options_.stop, deadline);
    response.Clear();
    return FromGrpc((stub->*method)(call.context(), request, &response));
  };
  const absl::Status status = idempotent ? RunWithRetry(options_.retry, clock_, sleeper_,
                                                        absl::GetCurrentTimeNanos(), attempt)
                                         : attempt(clock_->Now() + options_.retry.overall);
  if (!status.ok()) return status;
  return response;
}

}  // namespace quantd
