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
#include "proto/wire/credential_options.h"

namespace quantd {

// Whether connections to this gRPC target stay on this machine: localhost, 127.0.0.0/8, [::1], unix sockets.
bool IsLoopbackTarget(absl::string_view target);

// The part without the token. Certificates and keys are read again when their files change: connections made later
// use the new ones.
//
// Errors: INVALID_ARGUMENT     reason CERTIFICATE_WITHOUT_KEY.
//                              INVALID_CERTIFICATE_FILE: a file holds none, or the key is not the certificate's.
//         those of reading     a file cannot be read.
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
