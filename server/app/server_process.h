// The whole server in this process: wires the parts, runs until SIGTERM or SIGINT, drains.
#pragma once

#include "server/app/server_config.h"

namespace quantd {

// Returns the exit code: 0 after a clean drain, 2 when what it was told cannot be right (no TLS
// where it is needed, a file that holds no certificate), 3 when the machine does not let it work
// (port taken, folder not writable, database in use). REQUIRES: the calling thread lives as long as
// the process and no other runs yet.
int RunServer(const ServerConfig& config);

}  // namespace quantd
