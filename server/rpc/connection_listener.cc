#include "server/rpc/connection_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

// What is counted, and logged: an IPv4 address, also where it came as an IPv6 one, or an IPv6
// network.
std::string AddressText(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  in6_addr network{};
  int family = peer.ss_family;
  if (family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
  } else if (family == AF_INET6) {
    network = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    bytes = &network;
    if (IN6_IS_ADDR_V4MAPPED(&network)) {
      family = AF_INET;
      bytes = &network.s6_addr[12];
    } else {
      std::fill(network.s6_addr + 8, network.s6_addr + 16, 0);
    }
  }
  if (bytes == nullptr) return "unknown";
  QUANTD_CHECK(::inet_ntop(family, bytes, text.data(), text.size()) != nullptr);
  return family == AF_INET6 ? absl::StrCat(text.data(), "/64") : text.data();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionListener>> ConnectionListener::Listen(
    const std::string& address, ConnectionLimits limits) {
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
  return absl::WrapUnique(new ConnectionListener(fd, PortOf(fd), limits));
}

ConnectionListener::ConnectionListener(int listen_fd, int port, ConnectionLimits limits)
    : listen_fd_(listen_fd), port_(port), limits_(limits) {
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
  std::erase_if(open_, [this](const auto& entry) {
    const auto& [fd, connection] = entry;
    if (InodeOf(fd) == connection.inode) return false;
    CountEndOf(connection);
    return true;
  });
}

void ConnectionListener::CountEndOf(const Connection& connection) {
  const auto found = open_of_address_.find(connection.address);
  if (--found->second == 0) open_of_address_.erase(found);
}

// The descriptor may have been that of a connection whose end was not seen yet.
void ConnectionListener::Remember(int fd, const Connection& connection) {
  if (const auto ended = open_.find(fd); ended != open_.end()) CountEndOf(ended->second);
  open_[fd] = connection;
  ++open_of_address_[connection.address];
}

// Looking at every descriptor costs: it is done only once a limit is reached.
bool ConnectionListener::HasRoomFor(const std::string& address) {
  const auto has_room = [&] {
    const auto found = open_of_address_.find(address);
    const int of_address = found == open_of_address_.end() ? 0 : found->second;
    return open_.size() < static_cast<size_t>(limits_.connections_max) &&
           of_address < limits_.per_address_max;
  };
  if (has_room()) return true;
  ForgetEnded();
  return has_room();
}

void ConnectionListener::AcceptOne() {
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  const int fd = ::accept4(listen_fd_, reinterpret_cast<sockaddr*>(&peer), &length,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
    LOG_WARNING("cannot accept a connection", {{"error", std::strerror(errno)}});
    pollfd stop{stop_fd_, POLLIN, 0};
    ::poll(&stop, 1, kRetryMilliseconds);
    return;
  }
  const std::string address = AddressText(peer);
  const std::optional<ino_t> inode = InodeOf(fd);
  if (!inode || !HasRoomFor(address)) {
    LOG_WARNING("a connection above the limits was closed",
                {{"address", address},
                 {"connections_max", absl::StrCat(limits_.connections_max)},
                 {"per_address_max", absl::StrCat(limits_.per_address_max)}});
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  Remember(fd, {.inode = *inode, .address = address});
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listen_fd_;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

}  // namespace quantd
