// Real handshakes. Who trusts one authority only tells which certificate a server has.
#include "server/rpc/server_credentials.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "proto/wire/credentials.h"
#include "proto/wire/status_grpc.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using testing::CertificateAuthority;
using testing::HasReason;
using testing::PemPair;
using testing::StatusIs;
using Channel = std::shared_ptr<grpc::Channel>;

constexpr absl::Duration kLimit = absl::Seconds(20);  // Of what must happen at last.
constexpr absl::Duration kNever = absl::Hours(24);

class ServerCredentialsTest : public ::testing::Test {
 protected:
  ServerCredentialsTest() {
    Write("old_ca.pem", old_authority_.pem());
    Write("new_ca.pem", new_authority_.pem());
    WriteServer(old_authority_);
  }
  ~ServerCredentialsTest() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Write(const std::string& name, const std::string& content) {
    EXPECT_OK(WriteFileAtomically(Path(name), content));
    return Path(name);
  }
  void WriteServer(const CertificateAuthority& authority) {
    const PemPair pair = authority.Issue("server", "DNS:localhost");
    Write("cert.pem", pair.certificate);
    Write("key.pem", pair.key);
  }
  TlsFiles Files(bool asks_clients = false) const {
    return {.cert_file = Path("cert.pem"),
            .key_file = Path("key.pem"),
            .client_ca_file = asks_clients ? Path("client_ca.pem") : ""};
  }

  // A server that answers how it is.
  void Serve(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  // One whose files are read again when the test says so.
  std::shared_ptr<CertificateFiles> ServeFiles(bool asks_clients = false) {
    std::shared_ptr<CertificateFiles> files = CertificateFiles::Open(Files(asks_clients)).value();
    Serve(MakeServerCredentials(files, kNever));
    return files;
  }

  // A channel with a connection of its own, to be made at the first call.
  Channel Trusting(const std::string& ca, const PemPair& own = {}) {
    CredentialOptions options{.ca_file = Path(ca)};
    if (!own.key.empty()) {
      options.cert_file = Write("own.pem", own.certificate);
      options.key_file = Write("own.key", own.key);
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return MakeChannel(absl::StrCat("localhost:", port_), options, arguments).value();
  }
  static absl::Status Call(const Channel& channel) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kLimit));
    grpc::health::v1::HealthCheckResponse response;
    return FromGrpc(grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &response));
  }

  testing::TemporaryFolder folder_;
  CertificateAuthority old_authority_{"old"}, new_authority_{"new"};
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

constexpr absl::StatusCode kRefused = absl::StatusCode::kUnavailable;

TEST_F(ServerCredentialsTest, NewConnectionsUseNewFilesAndOldOnesGoOn) {
  const auto files = ServeFiles();
  const Channel old_connection = Trusting("old_ca.pem");
  ASSERT_OK(Call(old_connection));
  EXPECT_THAT(Call(Trusting("new_ca.pem")), StatusIs(kRefused));
  WriteServer(new_authority_);
  EXPECT_THAT(files->Reload(), testing::IsOkAndHolds(true));
  EXPECT_OK(Call(Trusting("new_ca.pem")));
  EXPECT_THAT(Call(Trusting("old_ca.pem")), StatusIs(kRefused));
  // Its authority does not know the new certificate, so that this is no new connection.
  EXPECT_OK(Call(old_connection));
}

TEST_F(ServerCredentialsTest, FilesAreLookedAtWithoutAnybodysDoing) {
  auto credentials = MakeServerCredentials(Files(), absl::Milliseconds(10));
  ASSERT_OK(credentials);
  Serve(*std::move(credentials));
  ASSERT_OK(Call(Trusting("old_ca.pem")));
  WriteServer(new_authority_);
  const absl::Time deadline = absl::Now() + kLimit;
  absl::Status status;
  do {
    status = Call(Trusting("new_ca.pem"));
  } while (!status.ok() && absl::Now() < deadline);
  EXPECT_OK(status);
}

TEST_F(ServerCredentialsTest, AKeyThatIsNotTheCertificatesIsNotTaken) {
  const auto files = ServeFiles();
  Write("key.pem", new_authority_.Issue("server", "DNS:localhost").key);
  EXPECT_THAT(files->Reload(), HasReason("INVALID_TLS"));
  EXPECT_OK(Call(Trusting("old_ca.pem")));
  // Nor when files that fit come after it.
  WriteServer(new_authority_);
  EXPECT_THAT(files->Reload(), testing::IsOkAndHolds(true));
  EXPECT_OK(Call(Trusting("new_ca.pem")));
}

TEST_F(ServerCredentialsTest, AFileThatIsMissingChangesNothing) {
  const auto files = ServeFiles();
  for (const char* name : {"cert.pem", "key.pem"}) {
    SCOPED_TRACE(name);
    ASSERT_OK(RemoveAll(Path(name)));
    EXPECT_THAT(files->Reload(), HasReason("INVALID_TLS"));
    EXPECT_OK(Call(Trusting("old_ca.pem")));
  }
}

TEST_F(ServerCredentialsTest, ClientsNeedACertificateOfTheAuthorityThatIsInUse) {
  const CertificateAuthority first("clients 1"), second("clients 2");
  const PemPair of_first = first.Issue("worker", "DNS:worker");
  const PemPair of_second = second.Issue("worker", "DNS:worker");
  Write("client_ca.pem", first.pem());
  const auto files = ServeFiles(/*asks_clients=*/true);
  EXPECT_THAT(Call(Trusting("old_ca.pem")), StatusIs(kRefused));
  EXPECT_OK(Call(Trusting("old_ca.pem", of_first)));
  EXPECT_THAT(Call(Trusting("old_ca.pem", of_second)), StatusIs(kRefused));

  Write("client_ca.pem", second.pem());
  EXPECT_THAT(files->Reload(), testing::IsOkAndHolds(true));
  EXPECT_OK(Call(Trusting("old_ca.pem", of_second)));
  EXPECT_THAT(Call(Trusting("old_ca.pem", of_first)), StatusIs(kRefused));

  // Without a list nobody is let in anew, and nobody without a certificate.
  ASSERT_OK(RemoveAll(Path("client_ca.pem")));
  EXPECT_THAT(files->Reload(), HasReason("INVALID_TLS"));
  EXPECT_OK(Call(Trusting("old_ca.pem", of_second)));
  EXPECT_THAT(Call(Trusting("old_ca.pem")), StatusIs(kRefused));
}

TEST_F(ServerCredentialsTest, WithoutTlsThereIsNone) {
  auto credentials = MakeServerCredentials(TlsFiles());
  ASSERT_OK(credentials);
  Serve(*std::move(credentials));
  EXPECT_OK(Call(
      grpc::CreateChannel(absl::StrCat("localhost:", port_), grpc::InsecureChannelCredentials())));
  EXPECT_THAT(Call(Trusting("old_ca.pem")), StatusIs(kRefused));
}

TEST_F(ServerCredentialsTest, FlagsThatNeedEachOtherAreToldOf) {
  TlsFiles files = Files();
  files.key_file.clear();
  EXPECT_THAT(MakeServerCredentials(files), HasReason("INVALID_TLS"));
  EXPECT_THAT(MakeServerCredentials(files), testing::NamesField("tls-key"));
  files = Files();
  files.cert_file.clear();
  EXPECT_THAT(MakeServerCredentials(files), testing::NamesField("tls-cert"));
  const TlsFiles authority_alone{.client_ca_file = Path("old_ca.pem")};
  EXPECT_THAT(MakeServerCredentials(authority_alone), testing::NamesField("tls-client-ca"));
}

}  // namespace
}  // namespace quantd
