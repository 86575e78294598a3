// Removes what nobody needs any more: finished jobs and artifacts that are older than their tenant
// keeps them, uploads that nobody finished, and blobs that nothing refers to.
//
// A blob is referred to by the jobs of its tenant that read it, whatever their state (a finished
// one can be run again, and its result be taken over, as long as its record is there), and by its
// tenant's artifacts. A blob that nothing refers to is kept until its last use is longer ago than
// the grace period: a client uploads first and creates its job afterwards. While a job of the
// tenant runs, what was used since its attempt began is kept, too: the results that its worker has
// sent are not referred to yet.
//
// No blob goes that a job or artifact refers to. Let R be a record that refers to blob B.
//   1. The collector chooses the time `cutoff`, now or earlier, then reads all references in a
//   transaction that
//      excludes writers, then deletes what is not among them, if it was last used before `cutoff`.
//   2. Whoever writes R uses B (BlobStore::Use) in the transaction that writes R, and gives up when
//      B is not there (JobQueue::Submit and Complete, ArtifactRegistry::Create).
//   3. If that transaction ended before the collector's began, B is among the references. If it
//      began after the collector's had ended, B was used after `cutoff` was chosen, hence not
//      before `cutoff`; and looking at the last use and deleting is one step (DeleteUnusedSince),
//      so B was either gone when it was to be used, and R was not written, or it stays.
// This holds for any grace period, also for none. It needs a clock that does not step back by more
// than the grace period.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/core/blob_store.h"
#include "server/core/job_store.h"
#include "server/core/tenant_registry.h"

namespace quantd {

struct GarbageReport {
  int64_t removed_jobs = 0;
  int64_t removed_artifacts = 0;
  int64_t removed_blobs = 0;
  int64_t removed_bytes = 0;  // Of those blobs.
  int64_t removed_uploads = 0;

  friend bool operator==(const GarbageReport&, const GarbageReport&) = default;
};

// What the tenant's jobs and artifacts refer to, sorted.
absl::StatusOr<std::vector<std::string>> BlobsInUse(Transaction& transaction,
                                                    const std::string& tenant);
// The tenants that have jobs or artifacts, sorted.
absl::StatusOr<std::vector<std::string>> TenantsWithRecords(Transaction& transaction);

// Thread-safe; one collection at a time.
class GarbageCollector {
 public:
  struct Options {
    absl::Duration blob_grace = absl::Hours(24);
    absl::Duration upload_age_max = absl::Hours(24 * 7);
    // Hears of every collection, also of one that ended with an error.
    std::function<void(const GarbageReport&)> observer;
  };

  // Everything is borrowed.
  GarbageCollector(Options options, JobStore* store, BlobStores* blobs, TenantRegistry* tenants,
                   const Clock* clock)
      : options_(std::move(options)),
        store_(store),
        blobs_(blobs),
        tenants_(tenants),
        clock_(clock) {}

  // INVALID_ARGUMENT for a negative grace period. Other errors are those of the stores; what one
  // tenant's cost does not keep the others' garbage.
  absl::StatusOr<GarbageReport> Collect(absl::Duration grace);
  absl::StatusOr<GarbageReport> Collect() { return Collect(options_.blob_grace); }

 private:
  absl::StatusOr<std::vector<std::string>> Tenants() const;
  absl::Status CollectOf(const std::string& tenant, absl::Duration grace, GarbageReport& report);
  absl::Status Expire(const std::string& tenant, GarbageReport& report);
  absl::Status RemoveBlobs(const std::string& tenant, absl::Duration grace, GarbageReport& report);

  const Options options_;
  JobStore* const store_;
  BlobStores* const blobs_;
  TenantRegistry* const tenants_;
  const Clock* const clock_;
  std::mutex one_at_a_time_;
};

}  // namespace quantd
