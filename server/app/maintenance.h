// What a server does by itself, from a thread of its own: takes back leases that ended, fails jobs
// that nobody started in time, and throws away uploads that nobody finished.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "common/clock.h"
#include "server/core/blob_store.h"
#include "server/core/job_queue.h"

namespace quantd {

class Maintenance {
 public:
  // Everything is borrowed. Starts at once.
  Maintenance(JobQueue* queue, BlobStores* blobs, const Clock* clock,
              absl::Duration interval);
  ~Maintenance();

 private:
  void Run();

  JobQueue* queue_;
  BlobStores* blobs_;
  const Clock* clock_;
  const absl::Duration interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quantd
