// Certificates for the tests of TLS: an authority of its own, and what it signs. Made anew for each test, so no key is in
// the repository and none expires.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "common/check.h"

namespace quantd::testing {

struct PemPair {
  std::string certificate;
  std::string key;
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name = "quantd test authority")
      : name_(name), key_(EVP_EC_gen("P-256")) {
    certificate_ = Make(name, key_.get(), /*alternative_name=*/"");
  }

  std::string pem() const { return ToPem(certificate_.get()); }

  // For example Issue("localhost", "DNS:localhost,IP:127.0.0.1").
  PemPair Issue(const std::string& common_name, const std::string& alternative_name) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = Make(common_name, key.get(), alternative_name);
    const Memory bio(BIO_new(BIO_s_mem()));
    QUANTD_CHECK(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return {ToPem(certificate.get()), Text(bio.get())};
  }

 private:
  template <auto kFree>
  struct Free {
    template <typename T>
    void operator()(T* object) const { kFree(object); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, Free<X509_free>>;
  using Memory = std::unique_ptr<BIO, Free<BIO_free>>;

  static std::string Text(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<size_t>(size));
  }

  static std::string ToPem(X509* certificate) {
    const Memory bio(BIO_new(BIO_s_mem()));
    QUANTD_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return Text(bio.get());
  }

  // Signed by this authority; by itself, as an authority, when there is no alternative name.
  Certificate Make(const std::string& common_name, EVP_PKEY* key, const std::string& alternative_name) const {
    static long serial = 1;
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), 2);  // Counts from 0: version 3.
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
    X509_set_pubkey(certificate.get(), key);
    SetName(X509_get_subject_name(certificate.get()), common_name);
    SetName(X509_get_issuer_name(certificate.get()), name_);
    const bool authority = alternative_name.empty();
    Extend(certificate.get(), NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!authority) Extend(certificate.get(), NID_subject_alt_name, alternative_name);
    QUANTD_CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
    return certificate;
  }

  static void SetName(X509_NAME* name, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  }

  static void Extend(X509* certificate, int extension, const std::string& value) {
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str());
    QUANTD_CHECK(made != nullptr);
    X509_add_ext(certificate, made, -1);
    X509_EXTENSION_free(made);
  }

  std::string name_;
  Key key_;
  Certificate certificate_;
};

}  // namespace quantd::testing
