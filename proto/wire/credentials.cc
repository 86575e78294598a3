#include "proto/wire/credentials.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/client_interceptor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"
#include "proto/wire/bearer_token.h"
#include "proto/wire/pem.h"

namespace quantd {
namespace {

constexpr int64_t kPemBytesMax = 4 << 20;
// How long an exchanged certificate may go unnoticed.
constexpr unsigned kRefreshSeconds = 5;

// gRPC's call credentials refuse to work without encryption, also on loopback. An interceptor treats all channels
// alike and sees the answers, too.
class TokenInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit TokenInterceptor(BearerToken* token) : token_(token) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->insert({"authorization", token_->Header()});
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_STATUS) &&
        methods->GetRecvStatus()->error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      token_->Distrust();
    }
    methods->Proceed();
  }

 private:
  BearerToken* token_;  // Borrowed.
};

class TokenInterceptorFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenInterceptorFactory(std::unique_ptr<BearerToken> token) : token_(std::move(token)) {}
  // gRPC owns and deletes it at the end of the call.
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new TokenInterceptor(token_.get());
  }

 private:
  const std::unique_ptr<BearerToken> token_;
};

// gRPC says nothing of a file that it cannot use: every connection just fails.
absl::Status Unusable(absl::string_view what, absl::string_view path, const absl::Status& problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_CERTIFICATE_FILE",
                   absl::StrCat(what, ": ", path, " ", problem.message()));
}

// Reads the file and has `check` look at its content.
absl::StatusOr<std::string> ReadPem(const std::string& path, absl::string_view what,
                                    absl::Status (*check)(const std::string&)) {
  absl::StatusOr<std::string> content = ReadFile(path, kPemBytesMax);
  RETURN_IF_ERROR(Annotate(content.status(), what));
  if (const absl::Status problem = check(*content); !problem.ok()) {
    return Unusable(what, path, problem);
  }
  return content;
}

absl::Status CheckFiles(const CredentialOptions& options) {
  if (!options.ca_file.empty()) {
    RETURN_IF_ERROR(ReadPem(options.ca_file, "the certificate authority", CheckCertificates).status());
  }
  if (options.cert_file.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string certificates,
                   ReadPem(options.cert_file, "the certificate", CheckCertificates));
  ASSIGN_OR_RETURN(const std::string key, ReadPem(options.key_file, "the certificate's key", CheckKey));
  const absl::Status problem = CheckIdentity(certificates, key);
  if (problem.ok()) return problem;
  return Unusable("the certificate's key", options.key_file, problem);
}

}  // namespace

bool IsLoopbackTarget(absl::string_view target) {
  if (absl::StrContains(target, ',')) return false;  // A list; all of it would have to be looked at.
  if (absl::StartsWith(target, "unix:") || absl::StartsWith(target, "unix-abstract:")) return true;
  for (const absl::string_view scheme : {"dns:", "ipv4:", "ipv6:"}) {
    absl::ConsumePrefix(&target, scheme);
  }
  // An authority in the target names a resolver that may answer anything, so only the empty one counts.
  absl::ConsumePrefix(&target, "///");
  if (absl::ConsumePrefix(&target, "[")) return absl::StartsWith(target, "::1]");
  const absl::string_view host = target.substr(0, target.rfind(':'));
  if (host == "localhost" || host == "::1") return true;
  // Four numbers, the first of them 127: "127.example.org" is a name that could lead anywhere.
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  for (const absl::string_view part : parts) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(part, &number) || number > 255) return false;
  }
  return parts.size() == 4 && parts[0] == "127";
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const CredentialOptions& options) {
  using grpc::experimental::FileWatcherCertificateProvider;
  if (options.cert_file.empty() != options.key_file.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "CERTIFICATE_WITHOUT_KEY",
                     "a certificate and its key go together: give --tls-cert and --tls-key, or none");
  }
  if (!options.UsesTls()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions tls;
  const bool own_identity = !options.cert_file.empty();
  const bool own_roots = !options.ca_file.empty();
  RETURN_IF_ERROR(CheckFiles(options));
  if (own_roots || own_identity) {
    tls.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
        options.key_file, options.cert_file, options.ca_file, kRefreshSeconds));
    if (own_roots) tls.watch_root_certs();
    if (own_identity) tls.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(tls);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const std::string& target, const CredentialOptions& options,
    const grpc::ChannelArguments& arguments) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                   MakeChannelCredentials(options));
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  if (!options.token_file.empty()) {
    if (!options.UsesTls() && !options.insecure && !IsLoopbackTarget(target)) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "TOKEN_NOT_ENCRYPTED",
                       absl::StrCat("the token would travel unencrypted to ", target,
                                    ", where anybody on the way can take it: turn TLS on with --tls "
                                    "or --tls-ca FILE, or accept that with --insecure"));
    }
    ASSIGN_OR_RETURN(std::unique_ptr<BearerToken> token, BearerToken::Open(options.token_file));
    interceptors.push_back(std::make_unique<TokenInterceptorFactory>(std::move(token)));
  }
  return grpc::experimental::CreateCustomChannelWithInterceptors(target, credentials, arguments,
                                                                 std::move(interceptors));
}

}  // namespace quantd
