// What the workers have announced that they can do. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/core/job_store.h"

namespace quantd {

// Whether every word of `needed` is one of `offered`. Both are sorted.
bool Covers(const std::vector<std::string>& offered, const std::vector<std::string>& needed);

class CatalogueRegistry {
 public:
  // Both are borrowed.
  CatalogueRegistry(JobStore* store, const Clock* clock) : store_(store), clock_(clock) {}

  // Of each tenant's own workers, so many are remembered; the latest.
  static constexpr int kCataloguesPerTenant = 16;

  // Workers announce themselves with every poll; the store is written only when a catalogue is new
  // or has not been noted for ten minutes.
  absl::Status Announce(WorkerCatalogue catalogue);

  // The catalogues that count for the jobs of `tenant`, or of any tenant for kEveryTenant, and that
  // were seen within a day of the latest one, latest first: what was announced before an upgrade
  // goes out of use, and nothing does while no worker runs. Empty before any worker has ever
  // announced itself.
  absl::StatusOr<std::vector<WorkerCatalogue>> Current(const std::string& tenant) const;

  // The same inside a transaction.
  static absl::StatusOr<std::vector<WorkerCatalogue>> Current(Transaction& transaction,
                                                              const std::string& tenant);

 private:
  JobStore* store_;
  const Clock* clock_;
  std::mutex mutex_;
  // Tenant and digest -> last_seen as the store has it.
  std::map<std::pair<std::string, std::string>, absl::Time> noted_;
};

}  // namespace quantd
