// The limits on connections, on servers whose limits are two and three.
#include "server/rpc/connection_listener.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using testing::HasReason;

constexpr int kPollMilliseconds = 20'000;

class ConnectionListenerTest : public ::testing::Test {
 protected:
  ConnectionListenerTest() : ConnectionListenerTest({.connections_max = 2}) {}

  explicit ConnectionListenerTest(ConnectionLimits limits) {
    auto started = RpcServer::Start({.listen = "127.0.0.1:0", .connections = limits},
                                    {.queue = &parts_.queue,
                                     .catalogues = &parts_.catalogues,
                                     .artifacts = &parts_.artifacts,
                                     .blobs = &parts_.blobs,
                                     .tenants = &parts_.tenants,
                                     .signal = &parts_.signal,
                                     .tokens = &parts_.tokens,
                                     .garbage = &parts_.garbage,
                                     .metrics = &parts_.metrics,
                                     .clock = &clock_});
    EXPECT_OK(started);
    server_ = *std::move(started);
  }

  // A bare connection, from 127.0.0.1 or another address of this machine.
  int Connect(const char* from = "127.0.0.1") {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, from, &own.sin_addr), 1);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof(own)), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  // Whether the server, which speaks first with its HTTP/2 settings, takes the connection.
  static bool Taken(int fd) {
    pollfd polled{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&polled, 1, kPollMilliseconds), 1);
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_PEEK) == 1;
  }

  // A call over a connection of its own.
  absl::Status Call() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                                   grpc::InsecureChannelCredentials(), arguments);
    v1::JobService::Stub stub(channel);
    v1::ListJobsRequest request;
    request.set_parent(testing::kParent);
    return testing::RunningServer::Call(stub, &v1::JobService::Stub::ListJobs, request).status();
  }

  testing::FakeClock clock_;
  testing::ServerParts parts_{&clock_};
  std::unique_ptr<RpcServer> server_;
};

TEST_F(ConnectionListenerTest, ConnectionsAboveTheLimitAreClosedAndTheOthersWorkOn) {
  const int first = Connect();
  const int second = Connect();
  EXPECT_TRUE(Taken(first));
  EXPECT_TRUE(Taken(second));
  const int third = Connect();
  EXPECT_FALSE(Taken(third));
  EXPECT_THAT(Call(), testing::StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(Taken(first));

  // Room is made by an end, whoever ends it; the server sees it in its own time.
  ::close(first);
  absl::Status status;
  const auto deadline = absl::Now() + absl::Milliseconds(kPollMilliseconds);
  do {
    status = Call();
  } while (!status.ok() && absl::Now() < deadline);
  EXPECT_OK(status);
  ::close(second);
  ::close(third);
}

class ConnectionsPerAddressTest : public ConnectionListenerTest {
 protected:
  ConnectionsPerAddressTest()
      : ConnectionListenerTest({.connections_max = 3, .per_address_max = 2}) {}
};

TEST_F(ConnectionsPerAddressTest, OneAddressLeavesRoomForOthers) {
  std::array<int, 2> ours = {Connect(), Connect()};
  for (const int fd : ours) EXPECT_TRUE(Taken(fd));
  const int above_our_share = Connect();
  EXPECT_FALSE(Taken(above_our_share));
  const int theirs = Connect("127.0.0.2");
  EXPECT_TRUE(Taken(theirs));
  const int above_the_whole = Connect("127.0.0.2");
  EXPECT_FALSE(Taken(above_the_whole));
  for (const int fd : {above_our_share, theirs, above_the_whole}) ::close(fd);
  for (const int fd : ours) ::close(fd);
}

TEST_F(ConnectionsPerAddressTest, AnEndMakesRoomInTheShare) {
  for (int i = 0; i < 20; ++i) {
    const int theirs = Connect("127.0.0.2");
    std::array<int, 2> ours = {-1, -1};
    // The server sees the ends of the round before in its own time.
    for (int& fd : ours) {
      const auto deadline = absl::Now() + absl::Milliseconds(kPollMilliseconds);
      bool taken = false;
      while (!taken && absl::Now() < deadline) {
        if (fd >= 0) ::close(fd);
        fd = Connect();
        taken = Taken(fd);
      }
      ASSERT_TRUE(taken) << i;
    }
    const int above_our_share = Connect();
    EXPECT_FALSE(Taken(above_our_share)) << i;
    for (const int fd : {theirs, above_our_share, ours[0], ours[1]}) ::close(fd);
  }
}

TEST_F(ConnectionListenerTest, ManyConnectionsInARowLeaveNothingBehind) {
  for (int i = 0; i < 50; ++i) {
    absl::Status status;
    const auto deadline = absl::Now() + absl::Milliseconds(kPollMilliseconds);
    do {
      status = Call();
    } while (!status.ok() && absl::Now() < deadline);
    ASSERT_OK(status) << i;
  }
}

TEST_F(ConnectionListenerTest, AnAddressInUseIsToldWithItsPort) {
  const std::string address = absl::StrCat("127.0.0.1:", server_->port());
  const absl::Status refused = ConnectionListener::Listen(address, {}).status();
  EXPECT_THAT(refused, HasReason("CANNOT_LISTEN"));
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr(address));
  EXPECT_THAT(ConnectionListener::Listen("no.such.host.invalid:1", {}), HasReason("CANNOT_LISTEN"));
  EXPECT_THAT(ConnectionListener::Listen("192.0.2.1:1", {}), HasReason("CANNOT_LISTEN"));
}

TEST_F(ConnectionListenerTest, TakesIpv6AndFreesItsPort) {
  int port = 0;
  {
    const auto listener = ConnectionListener::Listen("[::1]:0", {});
    if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();
    port = (*listener)->port();
    EXPECT_GT(port, 0);
  }
  EXPECT_OK(ConnectionListener::Listen(absl::StrCat("[::1]:", port), {}));
}

}  // namespace
}  // namespace quantd
