// The version of this client, as the build names it.
#pragma once

namespace quantd {

extern const char* const kClientVersion;

}  // namespace quantd
