// What the workers have announced that they can do. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
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

  // Workers announce themselves with every poll; the store is written only when a catalogue is new
  // or has not been noted for ten minutes.
  absl::Status Announce(WorkerCatalogue catalogue);

  // The catalogues seen within a day of the latest one, latest first: what was announced before an
  // upgrade goes out of use, and nothing does while no worker runs. Empty before any worker has
  // ever announced itself.
  absl::StatusOr<std::vector<WorkerCatalogue>> Current() const;

  // The same inside a transaction.
  static absl::StatusOr<std::vector<WorkerCatalogue>> Current(Transaction& transaction);

 private:
  JobStore* store_;
  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, absl::Time> noted_;  // Digest -> last_seen as the store has it.
};

}  // namespace quantd
