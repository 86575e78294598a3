// What this process has taken from the machine at most.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

namespace quantd::bench {

// VmHWM of /proc/self/status in bytes. Errors: INTERNAL where the system does not say.
absl::StatusOr<int64_t> PeakMemoryBytes();

}  // namespace quantd::bench
