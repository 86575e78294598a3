// All that a job store holds, to be compared with what it should hold.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/core/job_store.h"

namespace quantd::testing {

struct StoredJob {
  Job job;
  std::string spec;
  std::string report;
  std::vector<JobEvent> events;

  friend bool operator==(const StoredJob&, const StoredJob&) = default;
};

struct StoreContent {
  std::vector<StoredJob> jobs;
  std::vector<Artifact> artifacts;
  std::vector<WorkerCatalogue> catalogues;
  std::vector<Tenant> tenants;
  bool paused = false;

  friend bool operator==(const StoreContent&, const StoreContent&) = default;
};

// Of these tenants.
absl::StatusOr<StoreContent> ReadContent(JobStore& store, const std::vector<std::string>& tenants);

// Rules that hold at any time, whatever happened before: what is broken, a line each; empty when
// nothing is.
std::string BrokenInvariants(const StoreContent& content);

// Which parts differ; empty when none do.
std::string Difference(const StoreContent& actual, const StoreContent& expected);

}  // namespace quantd::testing
