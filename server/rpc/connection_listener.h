// Accepts connections for a gRPC server and counts them, which gRPC 1.51 does not: above the limit
// of all, or of those from one address, a new connection is closed at once, so that its client
// learns so, and those that are there work on.
#pragma once

#include <grpcpp/server_builder.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace quantd {

struct ConnectionLimits {
  int connections_max = 1000;
  // From one IP address, whatever the port; at least 1. Those of one IPv6 network (/64) count as
  // one address, because one machine may have them all.
  int per_address_max = 1000;
};

class ConnectionListener {
 public:
  // Listens at "host:port", port 0 being the system's choice, without accepting yet. UNAVAILABLE,
  // reason CANNOT_LISTEN.
  static absl::StatusOr<std::unique_ptr<ConnectionListener>> Listen(const std::string& address,
                                                                    ConnectionLimits limits);
  ~ConnectionListener();

  int port() const { return port_; }

  // Accepts from now on and hands connections over. Called once. The acceptor is that of a started
  // server; it is used until Stop().
  void Start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor);

  // Listens no more; connections that are there stay. Also done by the destructor.
  void Stop();

 private:
  struct Connection {
    ino_t inode;
    std::string address;
  };

  ConnectionListener(int listen_fd, int port, ConnectionLimits limits);
  void Run();
  void AcceptOne();
  bool HasRoomFor(const std::string& address);
  void Remember(int fd, const Connection& connection);
  void CountEndOf(const Connection& connection);
  void ForgetEnded();

  int listen_fd_;  // -1 once stopped.
  const int port_;
  const ConnectionLimits limits_;
  int stop_fd_ = -1;  // Readable: stop.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  // The connections that gRPC has, by descriptor, with their sockets' inodes: once gRPC has closed
  // one, its descriptor is none or that of something else. (A second descriptor of the socket would
  // tell sooner, but keep it alive in gRPC's epoll set.) Of the thread alone.
  std::map<int, Connection> open_;
  std::map<std::string, int> open_of_address_;  // None is zero.
  std::thread thread_;
};

}  // namespace quantd
