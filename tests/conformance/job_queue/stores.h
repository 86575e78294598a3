// The stores that every rule of the queue is tested on.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "server/core/job_store.h"

namespace quantd::testing {

struct QueueStore {
  std::string name;
  std::function<std::unique_ptr<JobStore>()> open;  // An empty one.
  int random_operations = 0;                        // How many of them fit a test of some seconds.
};

inline std::ostream& operator<<(std::ostream& out, const QueueStore& store) {
  return out << store.name;
}

std::vector<QueueStore> QueueStores();

}  // namespace quantd::testing
