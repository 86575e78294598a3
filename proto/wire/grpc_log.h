// What becomes of gRPC's own messages (a handshake that failed, a file that it cannot read). Left
// alone it writes them to standard error in a form of its own, between the lines of our log and the
// errors of quantctl.
#pragma once

namespace quantd {

// They become warnings of our log. Anybody who can connect makes gRPC write some, so that ten a
// second are kept, and the next line says how many were left out.
void SendGrpcMessagesToLog();

// They are dropped, unless the environment asks for them with GRPC_VERBOSITY: what a call needs to
// know is in its error.
void SilenceGrpcMessages();

}  // namespace quantd
