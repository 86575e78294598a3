// The version of this build, as CMakeLists.txt names it. Results are keyed by the engine's version
// (worker/methods/catalogue.h), which changes only when results do.
#pragma once

namespace quantd {

extern const char* const kVersion;

}  // namespace quantd
