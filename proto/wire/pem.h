// Certificates and keys in PEM, judged before a handshake needs them. gRPC says nothing of those
// that cannot be used: it serves or dials, and no handshake succeeds.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quantd {

// Every error is INVALID_ARGUMENT, reason INVALID_CERTIFICATE, and its message goes on after the
// name of the file: "holds no PEM certificate". No message quotes what was in a file.

// One certificate or more, and nothing that begins as one and is none.
absl::Status CheckCertificates(const std::string& pem);

// A private key that needs no password.
absl::Status CheckKey(const std::string& pem);

// Whether a TLS side can be the first of `certificates` by `key`: that they belong together, and
// that the system's TLS finds none of them too weak. REQUIRES: both passed the checks above.
absl::Status CheckIdentity(const std::string& certificates, const std::string& key);

// When the first certificate ends. The errors of CheckCertificates().
absl::StatusOr<absl::Time> ExpiryOf(const std::string& certificates);

}  // namespace quantd
