// Random identifiers for requests and uploads.
#pragma once

#include <string>

namespace quantd {

// A version 4 UUID (RFC 4122, section 4.4) from the system's entropy.
std::string MakeUuid();

}  // namespace quantd
