#include "tests/conformance/job_queue/stores.h"

#include "server/store/memory/memory_job_store.h"

namespace quantd::testing {

std::vector<QueueStore> QueueStores() {
  return {{.name = "Memory",
           .open = [] { return std::make_unique<MemoryJobStore>(); },
           .random_operations = 25'000}};
}

}  // namespace quantd::testing
