// What this process has taken of the machine's memory.
#pragma once

#include <cstdint>

namespace quantd {

// The most that was resident at once since the process started.
int64_t PeakMemoryBytes();

}  // namespace quantd
