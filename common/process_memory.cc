#include "common/process_memory.h"

#include <sys/resource.h>

namespace quantd {

int64_t PeakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;  // Linux counts KiB.
}

}  // namespace quantd
