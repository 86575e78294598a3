#include "server/rpc/connection_listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

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

// The inode of a descriptor; nothing when it is closed.
std::optional<ino_t> InodeOf(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return std::nullopt;
  return info.st_ino;
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
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  QUANTD_CHECK(stop_fd_ >= 0);
}

ConnectionListener::~ConnectionListener() {
  Stop();
  ::close(stop_fd_);
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
  acceptor_.reset();
}

void ConnectionListener::Run() {
  while (true) {
    std::array<pollfd, 2> polled = {pollfd{stop_fd_, POLLIN, 0}, pollfd{listen_fd_, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) return;
    AcceptOne();
  }
}

void ConnectionListener::ForgetEnded() {
  std::erase_if(open_, [](const auto& entry) { return InodeOf(entry.first) != entry.second; });
}

void ConnectionListener::AcceptOne() {
  const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
    LOG_WARNING("cannot accept a connection", {{"error", std::strerror(errno)}});
    pollfd stop{stop_fd_, POLLIN, 0};
    ::poll(&stop, 1, kRetryMilliseconds);
    return;
  }
  if (open_.size() >= static_cast<size_t>(connections_max_)) ForgetEnded();
  const std::optional<ino_t> inode = InodeOf(fd);
  if (open_.size() >= static_cast<size_t>(connections_max_) || !inode) {
    LOG_WARNING("a connection above the limit was closed",
                {{"connections_max", absl::StrCat(connections_max_)}});
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  open_[fd] = *inode;
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listen_fd_;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

}  // namespace quantd
