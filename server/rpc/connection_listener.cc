#include "server/rpc/connection_listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int kBacklog = 512;
// While the process has no descriptor left the connection waits in the backlog; looking again at
// once would only burn the processor.
constexpr int kRetryMilliseconds = 100;

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

absl::Status CannotListen(const std::string& address, absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                   absl::StrCat("cannot listen on ", address, ": ", why));
}

// "[::1]:80" -> {"::1", "80"}.
std::pair<std::string, std::string> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

// A listening socket, or -1 with errno.
int ListenAt(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1, off = 0;
  // A server that restarts does not wait for its last connections' remains.
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // [::] is for IPv4 as well.
  if (address.ai_family == AF_INET6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) {
    return fd;
  }
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

int PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  QUANTD_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

void Watch(int epoll_fd, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  QUANTD_CHECK(::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionListener>> ConnectionListener::Listen(
    const std::string& address, int connections_max) {
  const auto [host, service] = SplitAddress(address);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (code != 0) return CannotListen(address, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  int fd = -1;
  for (const addrinfo* one = found; one != nullptr && fd < 0; one = one->ai_next) {
    fd = ListenAt(*one);
  }
  if (fd < 0) {
    const bool taken = errno == EADDRINUSE;
    return CannotListen(address, absl::StrCat(std::strerror(errno),
                                              taken ? "; is another server running there?" : ""));
  }
  return absl::WrapUnique(new ConnectionListener(fd, PortOf(fd), connections_max));
}

ConnectionListener::ConnectionListener(int listen_fd, int port, int connections_max)
    : listen_fd_(listen_fd), port_(port), connections_max_(connections_max) {
  epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  QUANTD_CHECK(epoll_fd_ >= 0 && stop_fd_ >= 0);
  Watch(epoll_fd_, stop_fd_, EPOLLIN);
  Watch(epoll_fd_, listen_fd_, EPOLLIN);
}

ConnectionListener::~ConnectionListener() {
  Stop();
  ::close(stop_fd_);
  ::close(epoll_fd_);
}

void ConnectionListener::Start(
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor) {
  acceptor_ = std::move(acceptor);
  thread_ = std::thread([this] { Run(); });
}

void ConnectionListener::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    QUANTD_CHECK(::write(stop_fd_, &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  // Left open, it would let clients connect to nobody.
  if (listen_fd_ >= 0) ::close(listen_fd_);
  listen_fd_ = -1;
  for (const int fd : open_) ::close(fd);
  open_.clear();
  acceptor_.reset();
}

void ConnectionListener::Run() {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_fd_, events.data(), events.size(), -1);
    // Ends first: they make room.
    bool accept = false;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == stop_fd_) return;
      if (fd == listen_fd_) {
        accept = true;
      } else {
        Forget(fd);
      }
    }
    if (accept) AcceptOne();
  }
}

void ConnectionListener::Forget(int fd) {
  // gRPC has closed its descriptor of the connection: this one is the last.
  ::close(fd);
  open_.erase(fd);
}

void ConnectionListener::AcceptOne() {
  const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      LOG_WARNING("cannot accept a connection", {{"error", std::strerror(errno)}});
      // Only the end of a connection, or of this server, is looked for meanwhile.
      ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, listen_fd_, nullptr);
      epoll_event event;
      const int ended = ::epoll_wait(epoll_fd_, &event, 1, kRetryMilliseconds);
      if (ended == 1 && event.data.fd != stop_fd_) Forget(event.data.fd);
      Watch(epoll_fd_, listen_fd_, EPOLLIN);
    }
    return;
  }
  const int second =
      static_cast<int>(open_.size()) < connections_max_ ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
  if (second < 0) {
    LOG_WARNING("a connection above the limit was closed",
                {{"connections_max", absl::StrCat(connections_max_)}});
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  open_.insert(second);
  Watch(epoll_fd_, second, 0);  // EPOLLHUP and EPOLLERR are always told.
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listen_fd_;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

}  // namespace quantd
