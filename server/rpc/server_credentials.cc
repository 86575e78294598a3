#include "server/rpc/server_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/file.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr int64_t kPemBytesMax = 4 << 20;
constexpr unsigned kRefreshSeconds = 1;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

absl::Status InvalidTls(const std::string& flag, const std::string& problem) {
  return InvalidField("INVALID_TLS", flag, problem);
}

absl::StatusOr<std::unique_ptr<BIO, Free>> OpenPem(const std::string& flag, const std::string& path,
                                                   std::string& text) {
  absl::StatusOr<std::string> content = ReadFile(path, kPemBytesMax);
  if (!content.ok()) return InvalidTls(flag, std::string(content.status().message()));
  text = *std::move(content);
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<std::unique_ptr<X509, Free>> ReadCertificate(const std::string& flag,
                                                            const std::string& path) {
  std::string text;
  ASSIGN_OR_RETURN(const auto pem, OpenPem(flag, path, text));
  std::unique_ptr<X509, Free> certificate(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    return InvalidTls(flag, absl::StrCat(path, " holds no PEM certificate"));
  }
  return certificate;
}

// gRPC says nothing of files that do not fit: it would serve, and no handshake would succeed.
absl::Status CheckFiles(const TlsFiles& files) {
  ASSIGN_OR_RETURN(const auto certificate, ReadCertificate("tls-cert", files.cert_file));
  std::string text;
  ASSIGN_OR_RETURN(const auto pem, OpenPem("tls-key", files.key_file, text));
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, const_cast<char*>("")));
  if (key == nullptr) {
    return InvalidTls("tls-key", absl::StrCat(files.key_file, " holds no unencrypted PEM key"));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return InvalidTls("tls-key",
                      absl::StrCat(files.key_file, " is not the key of ", files.cert_file));
  }
  if (files.client_ca_file.empty()) return absl::OkStatus();
  return ReadCertificate("tls-client-ca", files.client_ca_file).status();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files) {
  if (files.cert_file.empty() != files.key_file.empty()) {
    return InvalidTls(files.cert_file.empty() ? "tls-cert" : "tls-key",
                      "is missing: certificate and key are given together");
  }
  if (!files.enabled() && !files.client_ca_file.empty()) {
    return InvalidTls("tls-client-ca", "needs TLS: give --tls-cert and --tls-key, too");
  }
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  RETURN_IF_ERROR(CheckFiles(files));
  const auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key_file, files.cert_file, files.client_ca_file, kRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (!files.client_ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace quantd
