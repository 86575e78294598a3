// One change of one job inside a transaction: state, events and record move together. Not
// thread-safe; lives as long as its transaction at most.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/core/job.h"
#include "server/core/job_state_machine.h"
#include "server/core/job_store.h"

namespace quantd {

class JobEdit {
 public:
  // `transaction` is borrowed. `job` is as the store has it.
  JobEdit(Transaction& transaction, Job job, absl::Time now)
      : transaction_(transaction), job_(std::move(job)), now_(now) {}

  Job& job() { return job_; }

  // Moves the state, and says so in an event. A finished job gets its end time.
  absl::Status Move(JobTrigger trigger);

  // Queues a dead-lettered job as if it were new; its attempts stay in the record.
  absl::Status StartAnew();

  void Emit(decltype(JobEvent::content) content);

  // Ends the running attempt. REQUIRES: there is one.
  void EndAttempt(AttemptOutcome outcome, const absl::Status& error);

  // Attempts of the present budget, and those of them that count against max_attempts.
  size_t AttemptsSinceRedrive() const;
  int CountedFailures() const;

  // Writes job and events. May be called again after further changes.
  absl::Status Save();

 private:
  Transaction& transaction_;
  Job job_;
  absl::Time now_;
  std::vector<JobEvent> events_;
};

}  // namespace quantd
