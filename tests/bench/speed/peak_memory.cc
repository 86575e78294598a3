#include "tests/bench/speed/peak_memory.h"

#include <fstream>
#include <string>

namespace quantd::bench {

absl::StatusOr<int64_t> PeakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kibibytes = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return absl::InternalError("/proc/self/status has no VmHWM");
}

}  // namespace quantd::bench
