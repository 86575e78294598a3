#include "proto/wire/credentials.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "proto/wire/status_grpc.h"
#include "quantd/v1/job.grpc.pb.h"
#include "tests/support/certificates.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::quantd::testing::CertificateAuthority;
using ::quantd::testing::HasReason;
using ::quantd::testing::PemPair;
using ::quantd::testing::StatusIs;
using ::quantd::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "qd_first-secret";

// Answers those who know the secret, and with whose certificate they came.
class Doorkeeper final : public v1::JobService::Service {
 public:
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest*, v1::Job* response) override {
    const std::lock_guard lock(mutex_);
    const auto& headers = context->client_metadata();
    const auto found = headers.find("authorization");
    if (found == headers.end()) return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "no token");
    if (found->second != "Bearer " + secret_) return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who?");
    const auto identity = context->auth_context()->GetPeerIdentity();
    if (!identity.empty()) response->set_display_name({identity[0].data(), identity[0].size()});
    return grpc::Status::OK;
  }

  void SetSecret(const std::string& secret) {
    const std::lock_guard lock(mutex_);
    secret_ = secret;
  }

 private:
  std::mutex mutex_;
  std::string secret_ = kSecret;
};

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() { WriteFile("token", absl::StrCat(kSecret, "\n")); }
  ~CredentialsTest() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_OK(WriteFileAtomically(path, content));
    return path;
  }

  void Serve(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterService(&doorkeeper_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("localhost:", port);
  }

  void ServeTls(bool wants_client_certificate) {
    const PemPair pair = authority_.Issue("localhost", "DNS:localhost");
    grpc::SslServerCredentialsOptions options(
        wants_client_certificate ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                 : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    options.pem_root_certs = authority_.pem();
    options.pem_key_cert_pairs.push_back({pair.key, pair.certificate});
    Serve(grpc::SslServerCredentials(options));
  }

  absl::StatusOr<v1::Job> Call(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::Job job;
    const absl::Status status = FromGrpc(v1::JobService::NewStub(channel)->GetJob(&context, {}, &job));
    if (!status.ok()) return status;
    return job;
  }

  absl::StatusOr<v1::Job> CallWith(const CredentialOptions& options) {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = MakeChannel(address_, options, {});
    if (!channel.ok()) return channel.status();
    return Call(*channel);
  }

  std::string token_file() const { return folder_.path() + "/token"; }

  TemporaryFolder folder_;
  CertificateAuthority authority_;
  Doorkeeper doorkeeper_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(CredentialsTest, TheTokenTravelsWithEveryCallAlsoWithoutEncryptionOnThisMachine) {
  Serve(grpc::InsecureServerCredentials());
  EXPECT_OK(CallWith({.token_file = token_file()}));
  EXPECT_THAT(CallWith({}), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("no token")));
}

TEST_F(CredentialsTest, AChangedFileChangesTheTokenOfARunningProcess) {
  Serve(grpc::InsecureServerCredentials());
  const auto channel = MakeChannel(address_, {.token_file = token_file()}, {});
  ASSERT_OK(channel);
  EXPECT_OK(Call(*channel));
  doorkeeper_.SetSecret("qd_second-secret");
  EXPECT_THAT(Call(*channel), StatusIs(absl::StatusCode::kUnauthenticated));
  WriteFile("token", "qd_second-secret");
  EXPECT_OK(Call(*channel));
}

TEST_F(CredentialsTest, WhileTheFileIsAwayTheLastTokenStays) {
  Serve(grpc::InsecureServerCredentials());
  const auto channel = MakeChannel(address_, {.token_file = token_file()}, {});
  ASSERT_OK(channel);
  ASSERT_OK(RemoveAll(token_file()));
  EXPECT_OK(Call(*channel));
}

TEST_F(CredentialsTest, AnUnusableTokenFileIsToldAtOnceWithoutItsContent) {
  const std::string two_words = WriteFile("bad", "qd_aaaa qd_bbbb");
  const auto channel = MakeChannel("localhost:1", {.token_file = two_words}, {});
  EXPECT_THAT(channel, HasReason("INVALID_TOKEN_FILE"));
  EXPECT_THAT(std::string(channel.status().message()), Not(HasSubstr("qd_")));
  EXPECT_THAT(MakeChannel("localhost:1", {.token_file = folder_.path() + "/absent"}, {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CredentialsTest, ATokenInThePlaceOfItsFileIsToldWithoutBeingQuoted) {
  const std::string digits(64, 'b');
  const auto channel = MakeChannel("localhost:1", {.token_file = "quantd_01k3zr_" + digits}, {});
  EXPECT_THAT(channel, HasReason("INVALID_TOKEN_FILE"));
  EXPECT_THAT(std::string(channel.status().message()), AllOf(HasSubstr("a token itself"), Not(HasSubstr(digits))));
}

TEST_F(CredentialsTest, ATokenIsNotSentInClearToAnotherMachineUnlessAskedFor) {
  const CredentialOptions options{.token_file = token_file()};
  EXPECT_THAT(MakeChannel("quantd.example:7460", options, {}), HasReason("TOKEN_NOT_ENCRYPTED"));
  CredentialOptions insecure = options;
  insecure.insecure = true;
  EXPECT_OK(MakeChannel("quantd.example:7460", insecure, {}));
  CredentialOptions encrypted = options;
  encrypted.tls = true;
  EXPECT_OK(MakeChannel("quantd.example:7460", encrypted, {}));
}

TEST_F(CredentialsTest, ATrustedServerIsReachedOverTlsAndAnotherIsNot) {
  ServeTls(/*wants_client_certificate=*/false);
  const std::string ca = WriteFile("ca.pem", authority_.pem());
  EXPECT_OK(CallWith({.ca_file = ca, .token_file = token_file()}));
  const std::string other = WriteFile("other.pem", CertificateAuthority("another").pem());
  EXPECT_THAT(CallWith({.ca_file = other, .token_file = token_file()}),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(CallWith({.tls = true, .token_file = token_file()}),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(CredentialsTest, MutualTlsTellsTheServerWhoCalls) {
  ServeTls(/*wants_client_certificate=*/true);
  const std::string ca = WriteFile("ca.pem", authority_.pem());
  const PemPair own = authority_.Issue("worker", "DNS:worker-7");
  const absl::StatusOr<v1::Job> answer =
      CallWith({.ca_file = ca,
                .cert_file = WriteFile("own.pem", own.certificate),
                .key_file = WriteFile("own.key", own.key),
                .token_file = token_file()});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->display_name(), "worker-7");
  EXPECT_THAT(CallWith({.ca_file = ca, .token_file = token_file()}),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(CredentialsTest, UnusableCertificateFilesAreToldAtOnce) {
  const std::string text = WriteFile("text", "dear server");
  EXPECT_THAT(MakeChannelCredentials({.ca_file = folder_.path() + "/absent"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/absent")));
  EXPECT_THAT(MakeChannelCredentials({.ca_file = text}), HasReason("INVALID_CERTIFICATE_FILE"));
  const PemPair own = authority_.Issue("worker", "DNS:worker-7");
  const std::string certificate = WriteFile("own.pem", own.certificate);
  EXPECT_OK(MakeChannelCredentials({.cert_file = certificate, .key_file = WriteFile("own.key", own.key)}));
  EXPECT_THAT(MakeChannelCredentials({.cert_file = certificate, .key_file = text}),
              HasReason("INVALID_CERTIFICATE_FILE"));
  const std::string another = WriteFile("another.key", authority_.Issue("worker", "DNS:worker-8").key);
  const auto mixed_up = MakeChannelCredentials({.cert_file = certificate, .key_file = another});
  EXPECT_THAT(mixed_up, HasReason("INVALID_CERTIFICATE_FILE"));
  EXPECT_THAT(std::string(mixed_up.status().message()), HasSubstr(another + " is not the key of the certificate"));
  EXPECT_THAT(MakeChannelCredentials({.tls = true, .cert_file = text}), HasReason("CERTIFICATE_WITHOUT_KEY"));
  EXPECT_THAT(MakeChannelCredentials({.tls = true, .key_file = text}), HasReason("CERTIFICATE_WITHOUT_KEY"));
}

TEST(IsLoopbackTarget, KnowsAddressesThatStayOnThisMachine) {
  for (const char* target : {"localhost:7460", "127.0.0.1:7460", "127.8.0.1:1", "[::1]:7460", "dns:///localhost:1",
                             "ipv4:127.0.0.1:1", "ipv6:[::1]:1", "unix:/run/quantd.sock"}) {
    EXPECT_TRUE(IsLoopbackTarget(target)) << target;
  }
  for (const char* target : {"quantd:7460", "10.0.0.1:7460", "127.example.org:1", "127.0.0.1.example.org:1",
                             "localhost.example.org:1", "[::2]:1", "[::1000]:1", "128.0.0.1:1", "dns://8.8.8.8/localhost:1",
                             "ipv4:127.0.0.1:1,10.0.0.1:1", "ipv6:[::1]:1,[2001:db8::1]:1", "", "127.0.1:1"}) {
    EXPECT_FALSE(IsLoopbackTarget(target)) << target;
  }
}

}  // namespace
}  // namespace quantd
