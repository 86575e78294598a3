// A job store whose transactions fail by a plan. The plan hears of "transaction" (one that writes)
// and of reads.
#pragma once

#include <functional>
#include <utility>

#include "server/core/job_store.h"
#include "tests/support/faults/fault_plan.h"

namespace quantd::testing {

// As thread-safe as what it decorates.
class FaultyJobStore final : public JobStore {
 public:
  // Called before each transaction, in its thread: a test may wait in it, or move a clock.
  using Delay = std::function<void(absl::string_view operation)>;

  // `store` and `plan` are borrowed.
  FaultyJobStore(JobStore* store, FaultPlan* plan, Delay delay = nullptr)
      : store_(*store), plan_(*plan), delay_(std::move(delay)) {}

  // kDiskFull and kQuotaExceeded say DISK_FULL, the others STORE_FAILED. Before a body runs:
  // kIoError and kCrashBefore; after it, with everything taken back: kErrorAfter, kDiskFull,
  // kQuotaExceeded; after the commit: kUnknownOutcome and kCrashAfter.
  absl::Status Write(const Body& body) override;
  absl::Status Read(const Body& body) override;

 private:
  JobStore& store_;
  FaultPlan& plan_;
  const Delay delay_;
};

}  // namespace quantd::testing
