// How exposed a server may be, and the secrets that are in files rather than in the store.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/app/server_config.h"
#include "server/core/token_registry.h"

namespace quantd {

// FAILED_PRECONDITION, reason EXPOSED: the API would be reachable from other machines without TLS
// and authentication, or the metrics without anything, and nobody said that this is meant. The
// message says which flags are missing.
absl::Status CheckExposure(const ServerConfig& config);

// The operator's token: an ADMIN of every tenant. Reads the file; creates it, mode 0600, with a
// fresh secret when it is not there. FAILED_PRECONDITION, reason TOKEN_FILE_READABLE, when others
// may read it; INVALID_ARGUMENT, reason INVALID_TOKEN_FILE, for another content, or when
// `path` is itself a token.
absl::Status AddAdminToken(const std::string& path, TokenRegistry& tokens);

// The token of embedded workers: a fresh one at every start, in a file that they read.
absl::Status AddWorkerToken(const std::string& path, TokenRegistry& tokens);

}  // namespace quantd
