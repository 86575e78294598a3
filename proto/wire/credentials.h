// How a client or worker reaches its server: encrypted or not, and as whom.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// All empty: no encryption, no token. Any of `tls`, `ca_file` and `cert_file` turns TLS on.
struct CredentialOptions {
  bool tls = false;        // The server's certificate must come from an authority that this system trusts,
  std::string ca_file;     // or, if not empty, from one of this PEM file.
  std::string cert_file;   // PEM: this side's own certificate chain, for servers that ask for one,
  std::string key_file;    // and its private key. Both or none.
  std::string token_file;  // See bearer_token.h.
  bool insecure = false;   // Send the token even unencrypted to another machine.

  bool UsesTls() const { return tls || !ca_file.empty() || !cert_file.empty(); }
};

// Whether connections to this gRPC target stay on this machine: localhost, 127.0.0.0/8, [::1], unix sockets.
bool IsLoopbackTarget(absl::string_view target);

// The part without the token. Certificates and keys are read again when their files change: connections made later
// use the new ones.
//
// Errors: INVALID_ARGUMENT     reason CERTIFICATE_WITHOUT_KEY.
//         those of reading     a file cannot be read, or holds no PEM block (reason INVALID_CERTIFICATE_FILE).
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const CredentialOptions& options);

// A channel to `target` whose every call carries the token. Connects on first use; the files are read now, so that
// a mistake is told before any work is done.
//
// Errors: those above; FAILED_PRECONDITION, reason TOKEN_NOT_ENCRYPTED, when the token would travel in clear to
//         another machine.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& target,
                                                           const CredentialOptions& options,
                                                           const grpc::ChannelArguments& arguments);

}  // namespace quantd
