// How the server proves who it is, and whether it asks clients for a certificate. TLS 1.2 and 1.3.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/certificate_files.h"

namespace quantd {

// Credentials that read their files again every `look_every`: connections made after a change use
// the new ones, those that are there go on. While the files do not fit together (a key that is not
// the certificate's, a file that is missing), the last ones that did stay in use, and the log says
// so once. `files` may be reloaded by others, too. Not null.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    std::shared_ptr<CertificateFiles> files, absl::Duration look_every);

// The same of files yet to be opened. Without TLS: insecure ones.
//
// INVALID_ARGUMENT, reason INVALID_TLS: one of certificate and key is missing, there is a client CA
// without TLS, or the errors of CertificateFiles::Open().
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files, absl::Duration look_every = absl::Seconds(1));

}  // namespace quantd
