// A gRPC channel to one server, with the limits and the keepalive that quantd expects. Thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace quantd {

class Connection {
 public:
  // `server` is host:port or any gRPC target. Connects on first use, so this cannot fail.
  explicit Connection(std::string server);

  const std::string& server() const { return server_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const std::string server_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace quantd
