// The server's certificate, its key and the authorities of its clients, as their files hold them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quantd {

// PEM files.
struct TlsFiles {
  std::string cert_file;  // The chain, the server's own first. Empty: no TLS.
  std::string key_file;
  std::string client_ca_file;  // Not empty: clients must have a certificate of one of these.

  bool enabled() const { return !cert_file.empty(); }
};

// Thread-safe.
class CertificateFiles {
 public:
  struct Content {
    std::string certificates;
    std::string key;
    std::string client_authorities;  // Empty: clients need no certificate.

    friend bool operator==(const Content&, const Content&) = default;
  };

  // INVALID_ARGUMENT, reason INVALID_TLS, naming flag and file: one cannot be read or holds none,
  // or the key is not the certificate's. REQUIRES: files.enabled().
  static absl::StatusOr<std::shared_ptr<CertificateFiles>> Open(const TlsFiles& files);

  // Reads the files again. What fits together is taken; otherwise what was read before stays, and
  // the error says what is wrong, as in Open(). Whether something new was taken.
  absl::StatusOr<bool> Reload();

  // Not null. The same object until something new is taken.
  std::shared_ptr<const Content> content() const;

 private:
  explicit CertificateFiles(TlsFiles files) : files_(std::move(files)) {}

  const TlsFiles files_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Content> content_;  // Guarded by mutex_.
};

}  // namespace quantd
