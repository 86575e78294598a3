// What a server does by itself, from threads of its own: takes back leases that ended, fails jobs
// that nobody started in time, and collects garbage.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"

namespace quantd {

class Maintenance {
 public:
  // Everything is borrowed. Starts at once.
  struct Intervals {
    absl::Duration queue;
    absl::Duration garbage;
  };
  Maintenance(JobQueue* queue, GarbageCollector* garbage, Intervals intervals);
  ~Maintenance();

 private:
  // Does `work` now and at every interval until the end.
  void Repeat(absl::Duration interval, const std::function<void()>& work);
  void LookAfterQueue() const;
  void CollectGarbage() const;

  JobQueue* const queue_;
  GarbageCollector* const garbage_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  // Two, because leases must not wait for the disk.
  std::thread queue_thread_;
  std::thread garbage_thread_;
};

}  // namespace quantd
