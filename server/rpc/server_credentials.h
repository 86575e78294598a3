// How the server proves who it is, and whether it asks clients for a certificate. TLS 1.2 and 1.3.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace quantd {

// PEM files. They are looked at every second: connections made after a change use the new ones; an
// incomplete change (a key that is not the certificate's) leaves the old ones in use.
struct TlsFiles {
  std::string cert_file;  // The chain, the server's own first. Empty: no TLS.
  std::string key_file;
  std::string client_ca_file;  // Not empty: clients must have a certificate of one of these.

  bool enabled() const { return !cert_file.empty(); }
};

// Without TLS: insecure ones. INVALID_ARGUMENT, reason INVALID_TLS: one of certificate and key is
// missing, a file cannot be read or holds none, the key is not the certificate's, or there is a
// client CA without TLS.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files);

}  // namespace quantd
