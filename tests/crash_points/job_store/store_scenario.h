// The life of a small job service, every kind of write in it, as a list of steps. Its transactions
// are the same on every store.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/core/artifact_registry.h"
#include "server/core/catalogue_registry.h"
#include "server/core/change_signal.h"
#include "server/core/ids.h"
#include "server/core/job_queue.h"
#include "server/core/tenant_registry.h"
#include "tests/crash_points/job_store/recording_store.h"
#include "tests/support/fake_clock.h"

namespace quantd::testing {

// Identifiers by number, which can go back: a step that is tried again gets the same ones.
class RewindableIds final : public IdSource {
 public:
  std::string Next() override { return absl::StrFormat("id-%06d", ++last_); }
  int last() const { return last_; }
  void Rewind(int last) { last_ = last; }

 private:
  int last_ = 0;
};

// Not thread-safe.
class StoreScenario {
 public:
  // Whether a step that failed is to be tried again.
  using OnError = std::function<bool(const absl::Status&)>;

  StoreScenario();

  static std::vector<std::string> Tenants() { return {"team", "others"}; }

  RecordingStore& store() { return store_; }
  void set_on_error(OnError on_error) { on_error_ = std::move(on_error); }
  // The latest token that a worker was given.
  uint64_t last_token() const { return last_token_; }

  // Steps in two halves, between which the server may be restarted. Stops at the first error.
  absl::Status RunFirstHalf() { return Run(FirstHalf()); }
  absl::Status RunSecondHalf() { return Run(SecondHalf()); }
  // What any server can do at any time: a new job is submitted, leased and completed. Fails when
  // the lease's token is not above `last_token`.
  absl::Status RunOneMoreJob(uint64_t last_token);

 private:
  using Step = std::function<absl::Status()>;
  absl::Status Run(const std::vector<Step>& steps);
  std::vector<Step> FirstHalf();
  std::vector<Step> SecondHalf();

  Submission Work(const std::string& tenant, const std::string& work) const;
  Step Submit(const std::string& tenant, const std::string& work, int max_attempts = 3);
  Step Lease(const std::string& worker);
  Step Report(int lines);
  Step Heartbeat();
  Step Complete(const AttemptResult& result);
  Step Cancel(const std::string& work);
  Step Delete(const std::string& work);
  Step Pass(absl::Duration time);
  AttemptSucceeded Success(const std::string& content);
  // To every tenant.
  StoredFile Upload(const std::string& name, const std::string& bytes);

  FakeClock clock_;
  RewindableIds ids_;
  ChangeSignal signal_;
  MemoryBlobStores blobs_{&clock_};
  RecordingStore store_;
  CatalogueRegistry catalogues_;
  TenantRegistry tenants_;
  ArtifactRegistry artifacts_;
  JobQueue queue_;

  OnError on_error_;
  std::map<std::string, JobName> jobs_;  // By work.
  LeasedJob leased_;
  std::optional<ArtifactName> uploaded_;
  uint64_t last_token_ = 0;
};

}  // namespace quantd::testing
