// Connections that never become one: silent, or stopping in the middle of a handshake.
#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "proto/wire/credentials.h"
#include "tests/server/rpc/running_server.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

constexpr int kPollMilliseconds = 20'000;
// Short, so that the test is; a call of the test itself, which makes its handshake at once, may
// fail on a machine that takes longer, and is repeated.
constexpr absl::Duration kHandshakeTimeout = absl::Milliseconds(500);

// As HTTP/2 begins (RFC 9113, 3.4), and an empty SETTINGS frame.
constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr absl::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
// A TLS record of 512 bytes, the begin of a ClientHello, that ends after its first six.
constexpr absl::string_view kHalfClientHello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);

class HandshakeLimitTest : public ::testing::Test {
 protected:
  ~HandshakeLimitTest() override {
    for (const int fd : open_) ::close(fd);
  }

  void Start(bool tls, int connections_max) {
    RpcServer::Options options{.listen = "127.0.0.1:0",
                               .connections = {.connections_max = connections_max},
                               .handshake_timeout = kHandshakeTimeout};
    if (tls) {
      const testing::PemPair pair = authority_.Issue("server", "DNS:localhost");
      options.tls = {.cert_file = Write("cert.pem", pair.certificate),
                     .key_file = Write("key.pem", pair.key),
                     .client_ca_file = ""};
      credentials_.ca_file = Write("ca.pem", authority_.pem());
    }
    auto started = RpcServer::Start(options, {.queue = &parts_.queue,
                                              .catalogues = &parts_.catalogues,
                                              .artifacts = &parts_.artifacts,
                                              .blobs = &parts_.blobs,
                                              .tenants = &parts_.tenants,
                                              .signal = &parts_.signal,
                                              .tokens = &parts_.tokens,
                                              .garbage = &parts_.garbage,
                                              .metrics = &parts_.metrics,
                                              .clock = &clock_});
    ASSERT_OK(started);
    server_ = *std::move(started);
  }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_OK(WriteFileAtomically(path, content));
    return path;
  }

  // A bare connection over which `bytes` are all that is ever said.
  int Connect(absl::string_view bytes) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    open_.push_back(fd);
    return fd;
  }

  // Takes what the server says until it ends the connection; false when it does not.
  static bool IsEnded(int fd) {
    while (true) {
      pollfd polled{fd, POLLIN, 0};
      if (::poll(&polled, 1, kPollMilliseconds) != 1) return false;
      char bytes[512];
      if (::recv(fd, bytes, sizeof(bytes), 0) <= 0) return true;
    }
  }

  // A call over a connection of its own, until one succeeds.
  absl::Status Call() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    v1::ListJobsRequest request;
    request.set_parent(testing::kParent);
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Milliseconds(kPollMilliseconds);
    do {
      v1::JobService::Stub stub(
          MakeChannel(absl::StrCat("localhost:", server_->port()), credentials_, arguments)
              .value());
      status =
          testing::RunningServer::Call(stub, &v1::JobService::Stub::ListJobs, request).status();
    } while (!status.ok() && absl::Now() < deadline);
    return status;
  }

  testing::TemporaryFolder folder_;
  testing::CertificateAuthority authority_;
  CredentialOptions credentials_;
  testing::FakeClock clock_;
  testing::ServerParts parts_{&clock_};
  std::unique_ptr<RpcServer> server_;
  std::vector<int> open_;
};

TEST_F(HandshakeLimitTest, WithTlsWhoStopsBeforeItsEndIsCutOff) {
  Start(/*tls=*/true, /*connections_max=*/100);
  const std::vector<int> slow = {Connect(""), Connect("\x16"), Connect(kHalfClientHello)};
  EXPECT_OK(Call());
  for (const int fd : slow) EXPECT_TRUE(IsEnded(fd));
  EXPECT_OK(Call());
}

TEST_F(HandshakeLimitTest, WithoutTlsWhoStopsBeforeTheSettingsIsCutOff) {
  Start(/*tls=*/false, /*connections_max=*/100);
  const int good = Connect(absl::StrCat(kPreface, kSettings));
  const std::vector<int> slow = {Connect(""), Connect(kPreface.substr(0, 10)), Connect(kPreface),
                                 Connect(absl::StrCat(kPreface, kSettings.substr(0, 5)))};
  EXPECT_OK(Call());
  for (const int fd : slow) EXPECT_TRUE(IsEnded(fd));
  EXPECT_OK(Call());
  // The limit is not one for connections that are whole: this one still gets an answer to a ping.
  constexpr absl::string_view kPing(
      "\0\0\x8\x6\0\0\0\0\0"
      "12345678",
      17);
  ASSERT_EQ(::send(good, kPing.data(), kPing.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(kPing.size()));
  std::string answer;
  while (answer.find("12345678") == std::string::npos) {
    pollfd polled{good, POLLIN, 0};
    ASSERT_EQ(::poll(&polled, 1, kPollMilliseconds), 1);
    char bytes[512];
    const ssize_t got = ::recv(good, bytes, sizeof(bytes), 0);
    ASSERT_GT(got, 0) << "the connection was cut off";
    answer.append(bytes, static_cast<size_t>(got));
  }
}

TEST_F(HandshakeLimitTest, WhoIsCutOffGivesItsPlaceBack) {
  constexpr int kPlaces = 8;
  Start(/*tls=*/true, kPlaces);
  std::vector<int> slow;
  for (int i = 0; i < kPlaces; ++i) slow.push_back(Connect(kHalfClientHello));
  for (const int fd : slow) EXPECT_TRUE(IsEnded(fd));
  EXPECT_OK(Call());
}

}  // namespace
}  // namespace quantd
