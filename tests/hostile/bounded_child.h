// Runs work in a process of its own with bounds on memory and processor time: what it does to
// itself is seen from outside, and nothing of it stays.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace quantd::hostile {

struct Bounds {
  int64_t memory_bytes_max = 0;  // Of address space and of memory above what is there at the start.
  int cpu_seconds_max = 0;
};

// What the work may tell while it runs; the last thing told stands in the verdict on a dead child.
class Told {
 public:
  virtual ~Told() = default;
  virtual void Doing(const std::string& what) = 0;
};

// "" when `work` returned "" within the bounds, else what it returned, or how its process ended:
// "SIGSEGV while reading truncated at 17". The address sanitizer has taken all of the address
// space, and its shadow counts as memory; under a sanitizer only time is bounded, more generously.
std::string RunBounded(const Bounds& bounds, const std::function<std::string(Told&)>& work);

// Forgets the highest memory use so far; the next PeakBytes() is that of what happens from now on.
void ResetPeak();
int64_t PeakBytes();
int64_t ResidentBytes();
// Whether this build can bound memory.
bool MemoryIsBounded();

}  // namespace quantd::hostile
