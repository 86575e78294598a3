// A gRPC channel to one server, with the limits and the keepalive that quantd expects. Thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/wire/credentials.h"

namespace quantd {

class Connection {
 public:
  // `server` is host:port or any gRPC target. Connects on first use; fails only as MakeChannel()
  // (proto/wire/credentials.h) does, over certificates and tokens.
  static absl::StatusOr<Connection> Open(const std::string& server,
                                         const CredentialOptions& credentials = {});

  const std::string& server() const { return server_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  Connection(std::string server, std::shared_ptr<grpc::Channel> channel)
      : server_(std::move(server)), channel_(std::move(channel)) {}

  std::string server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace quantd
