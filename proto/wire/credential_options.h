// What can be said of a connection's credentials. Apart from credentials.h, because that needs all of gRPC.
#pragma once

#include <string>

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

}  // namespace quantd
