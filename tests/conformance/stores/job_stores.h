// The job stores that the conformance suites run on.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "server/core/job_store.h"

namespace quantd::testing {

struct JobStoreFactory {
  std::string name;
  std::function<std::unique_ptr<JobStore>()> open;  // An empty one.
};

inline std::ostream& operator<<(std::ostream& out, const JobStoreFactory& store) {
  return out << store.name;
}

std::vector<JobStoreFactory> JobStores();

}  // namespace quantd::testing
