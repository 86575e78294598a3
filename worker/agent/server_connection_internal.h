// What the files of ServerConnection share. For nobody else.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "quantd/v1/artifact.grpc.pb.h"
#include "quantd/v1/worker.grpc.pb.h"
#include "worker/agent/server_connection.h"

namespace quantd {

inline constexpr absl::Duration kCallTimeout = absl::Seconds(20);

inline void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

struct ServerConnection::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : worker(v1::WorkerService::NewStub(channel)), artifact(v1::ArtifactService::NewStub(channel)) {}
  std::unique_ptr<v1::WorkerService::Stub> worker;
  std::unique_ptr<v1::ArtifactService::Stub> artifact;
};

}  // namespace quantd
