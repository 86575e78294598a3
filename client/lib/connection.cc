#include "client/lib/connection.h"

#include <grpcpp/support/channel_arguments.h>

#include "common/status_macros.h"

namespace quantd {
namespace {

// Job reports carry histograms and a list of layers: the gRPC default of 4 MiB is too near.
constexpr int kReceiveBytesMax = 64 << 20;
// Servers close connections whose client pings more often than every 5 minutes while no data flows.
constexpr int kKeepaliveMilliseconds = 6 * 60 * 1000;
constexpr int kKeepaliveTimeoutMilliseconds = 20 * 1000;
// The default first reconnection after 1 s, then up to 2 minutes, would make the retry loop wait
// for nothing.
constexpr int kReconnectInitialMilliseconds = 100;
constexpr int kReconnectMaxMilliseconds = 2000;
// Of one attempt to connect, the handshake included: far networks and busy servers need some.
constexpr int kConnectTimeoutMilliseconds = 5000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceiveBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectInitialMilliseconds);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMilliseconds);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMilliseconds);
  return arguments;
}

}  // namespace

absl::StatusOr<Connection> Connection::Open(const std::string& server,
                                            const CredentialOptions& credentials) {
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                   MakeChannel(server, credentials, Arguments()));
  return Connection(server, std::move(channel));
}

}  // namespace quantd
