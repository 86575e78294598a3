#include "worker/agent/server_connection.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "proto/wire/credentials.h"
#include "proto/wire/status_grpc.h"
#include "worker/agent/server_connection_internal.h"

namespace quantd {
namespace {

// Longer than a lease: after that the job belongs to somebody else and repeating is pointless.
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr int kMessageBytesMax = 64 << 20;

// UNAUTHENTICATED as well: the server and the token file do not change in the same moment.
bool IsTransient(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kUnauthenticated;
}

}  // namespace

ServerConnection::ServerConnection(std::unique_ptr<Stubs> stubs, std::function<bool()> stop)
    : stubs_(std::move(stubs)), stop_(std::move(stop)) {}

absl::StatusOr<std::unique_ptr<ServerConnection>> ServerConnection::Open(
    const std::string& address, const CredentialOptions& credentials, std::function<bool()> stop) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  // A restarted server should be found again within seconds, not after gRPC's two-minute backoff.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                   MakeChannel(address, credentials, arguments));
  return absl::WrapUnique(
      new ServerConnection(std::make_unique<Stubs>(channel), std::move(stop)));
}

ServerConnection::~ServerConnection() = default;

absl::Status ServerConnection::Retry(absl::string_view what, const std::function<bool()>& stop,
                                     const std::function<absl::Status()>& call) const {
  const absl::Time give_up = absl::Now() + kPatience;
  std::minstd_rand jitter(std::random_device{}());
  absl::Duration backoff = absl::Milliseconds(100);
  while (true) {
    const absl::Status status = call();
    if (status.ok() || !IsTransient(status)) return status;
    if (stop()) return absl::CancelledError(absl::StrCat(what, ": told to stop"));
    if (absl::Now() >= give_up) return Annotate(status, what);
    LOG_WARNING("call failed, trying again",
                {{"call", std::string(what)}, {"error", std::string(status.message())}});
    const double factor = 0.5 + 0.5 * static_cast<double>(jitter()) / std::minstd_rand::max();
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(backoff * factor));
    backoff = std::min(backoff * 2, absl::Seconds(2));
  }
}

absl::StatusOr<v1::LeaseJobResponse> ServerConnection::LeaseJob(
    const v1::LeaseJobRequest& request) {
  // Not retried here: a lease that was granted but never arrived would be asked for twice. The lease loop asks
  // again, and the lost lease expires.
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(request.wait().seconds()) + kCallTimeout);
  v1::LeaseJobResponse response;
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->LeaseJob(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::HeartbeatResponse> ServerConnection::Heartbeat(
    const v1::HeartbeatRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(5));
  v1::HeartbeatResponse response;
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->Heartbeat(&context, request, &response)));
  return response;
}

absl::Status ServerConnection::ReportEvents(const v1::ReportEventsRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::ReportEventsResponse response;
  return FromGrpc(stubs_->worker->ReportEvents(&context, request, &response));
}

absl::StatusOr<v1::Job::State> ServerConnection::CompleteJob(const v1::CompleteJobRequest& request) {
  v1::CompleteJobResponse response;
  RETURN_IF_ERROR(Retry("CompleteJob", stop_, [&] {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    return FromGrpc(stubs_->worker->CompleteJob(&context, request, &response));
  }));
  return response.state();
}

}  // namespace quantd
