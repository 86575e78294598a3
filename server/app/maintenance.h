// What a server does by itself, from threads of its own: takes back leases that ended, fails jobs
// that nobody started in time, collects garbage, and makes the audit log durable.
#pragma once

#include <list>

#include "absl/time/time.h"
#include "common/repeating_thread.h"
#include "server/auth/audit_log.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"

namespace quantd {

class Maintenance {
 public:
  // Borrowed.
  struct Parts {
    JobQueue* queue;
    GarbageCollector* garbage;
    AuditLog* audit;  // Null: there is none.
  };
  struct Intervals {
    absl::Duration queue;
    absl::Duration garbage;
    absl::Duration audit = absl::Seconds(1);
  };
  // Starts at once.
  Maintenance(const Parts& parts, const Intervals& intervals);

 private:
  void LookAfterQueue() const;
  void CollectGarbage() const;
  void SyncAuditLog() const;

  const Parts parts_;
  // One for each work, because leases must not wait for the disk.
  std::list<RepeatingThread> threads_;
};

}  // namespace quantd
