#include "proto/wire/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

absl::Status Unusable(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_CERTIFICATE", problem);
}

std::unique_ptr<BIO, Free> Reader(const std::string& text) {
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// What OpenSSL leaves in the queue of this thread would be taken for the error of the next call.
auto ClearErrorsAtTheEnd() {
  return absl::MakeCleanup([] { ERR_clear_error(); });
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(const std::string& pem) {
  const auto clear = ClearErrorsAtTheEnd();
  const auto reader = Reader(pem);
  std::vector<Certificate> certificates;
  while (true) {
    Certificate one(PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (one == nullptr) break;
    certificates.push_back(std::move(one));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return Unusable("holds a PEM certificate that is damaged or cut short");
  }
  if (certificates.empty()) return Unusable("holds no PEM certificate");
  return certificates;
}

// Null when there is none, or a password is needed.
Key ReadKey(const std::string& pem) {
  const auto clear = ClearErrorsAtTheEnd();
  // An empty password, or OpenSSL would ask for one at the terminal.
  return Key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, nullptr, const_cast<char*>("")));
}

}  // namespace

absl::Status CheckCertificates(const std::string& pem) { return ReadCertificates(pem).status(); }

absl::Status CheckKey(const std::string& pem) {
  if (ReadKey(pem) != nullptr) return absl::OkStatus();
  return Unusable("holds no PEM key, or one that needs a password");
}

absl::Status CheckIdentity(const std::string& certificates, const std::string& key) {
  const auto clear = ClearErrorsAtTheEnd();
  ASSIGN_OR_RETURN(const std::vector<Certificate> chain, ReadCertificates(certificates));
  const Key own_key = ReadKey(key);
  if (own_key == nullptr) return CheckKey(key);
  if (X509_check_private_key(chain[0].get(), own_key.get()) != 1) {
    return Unusable("is not the key of the certificate");
  }
  const std::unique_ptr<SSL_CTX, Free> tls(SSL_CTX_new(TLS_method()));
  if (SSL_CTX_use_certificate(tls.get(), chain[0].get()) != 1 ||
      SSL_CTX_use_PrivateKey(tls.get(), own_key.get()) != 1) {
    return Unusable(
        "and its certificate are too weak for this system's TLS, or of a kind it does not know");
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> ExpiryOf(const std::string& certificates) {
  ASSIGN_OR_RETURN(const std::vector<Certificate> chain, ReadCertificates(certificates));
  std::tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(chain[0].get()), &end) != 1) {
    return Unusable("holds a certificate whose end is no time");
  }
  return absl::FromTM(end, absl::UTCTimeZone());
}

}  // namespace quantd
