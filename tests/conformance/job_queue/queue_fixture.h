// A queue on an empty store, a clock that stands still, and the shortest words for what clients and
// workers do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/blob/memory/memory_blob_store.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/job_queue.h"
#include "tests/conformance/stores/job_stores.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"

namespace quantd::testing {

class JobQueueConformance : public ::testing::TestWithParam<JobStoreFactory> {
 protected:
  static constexpr absl::Duration kLease = absl::Seconds(15);
  static constexpr char kEngine[] = "1.0.0";

  JobQueueConformance();

  // A worker of this engine that can do "preset:a" and "preset:b".
  static WorkerCatalogue Catalogue(const std::string& engine_version = kEngine);

  // Work that nobody else does, for a worker that can do "preset:a".
  Submission SomeWork();
  // Work that is equal whenever `work` is.
  Submission Work(const std::string& work);

  Job Submit(const Submission& submission);
  Job Submit() { return Submit(SomeWork()); }
  Job Get(const JobName& name);
  // The job that the worker gets. REQUIRES: there is one.
  LeasedJob Lease(const std::string& worker = "worker-a");
  std::optional<LeasedJob> TryLease(const std::string& worker = "worker-a",
                                    const WorkerCatalogue& catalogue = Catalogue(),
                                    const std::optional<std::string>& tenant = std::nullopt);
  absl::Status Complete(const LeasedJob& leased, const AttemptResult& result);
  std::vector<JobEvent> Events(const JobName& name);
  // The states that the job's events tell, in order.
  std::vector<JobState> History(const JobName& name);

  // Uploads `bytes` for the tenant, under this file name.
  StoredFile Upload(const std::string& name, const std::string& bytes,
                    const std::string& tenant = "team");
  AttemptSucceeded Success(const std::string& tenant = "team");
  static AttemptFailed Failure(absl::StatusCode code = absl::StatusCode::kInternal,
                               const std::string& message = "the child died");

  // Submits, leases and completes it.
  Job Finish(const Submission& submission);

  FakeClock clock_;
  SequentialIds ids_;
  ChangeSignal signal_;
  MemoryBlobStores blobs_{&clock_};
  std::unique_ptr<JobStore> store_;
  CatalogueRegistry catalogues_;
  JobQueue queue_;

 private:
  int works_ = 0;
};

}  // namespace quantd::testing
