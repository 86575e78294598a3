// A job's events that wait to be sent, in order and within bounds of number and bytes: what a job's process tells, it
// tells as fast and as long as it likes. Not thread-safe.
#pragma once

#include <cstddef>
#include <deque>

#include "quantd/v1/worker.pb.h"

namespace quantd {

class PendingEvents {
 public:
  static constexpr size_t kEventsMax = 4096;
  static constexpr size_t kBytesMax = 8 << 20;
  // Of one batch; the server takes no longer texts, stages and batches (deploy/limits.md).
  static constexpr int kBatchEventsMax = 256;
  static constexpr size_t kBatchBytesMax = 1 << 20;
  static constexpr size_t kTextBytesMax = 64 << 10;
  static constexpr size_t kStageBytesMax = 128;

  // Texts that are too long are cut. Progress replaces progress of the same stage that is the latest event; where there
  // is no room, the oldest log lines go first.
  void Add(v1::JobEvent event);

  // Moves the oldest events into `request`, one at least if there is any.
  void TakeBatch(v1::ReportEventsRequest& request);

  bool empty() const { return events_.empty(); }

 private:
  void Erase(std::deque<v1::JobEvent>::iterator event);

  std::deque<v1::JobEvent> events_;
  size_t bytes_ = 0;  // Of all of them.
};

}  // namespace quantd
