// Where a job is: stage, step of the stage, share of the whole and the time left, sent as events.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/job/protocol/event_pipe.h"

namespace quantd {

// Thread-safe.
class Progress {
 public:
  // Both are borrowed.
  Progress(const Clock* clock, EventWriter* events);

  // `begin` and `end` are the shares of the whole job at which the stage starts and ends.
  void StartStage(const std::string& stage, double begin, double end);

  // `step` of `steps` are done. Sends at most one event every 100 ms; the last step is always sent.
  void Step(int64_t step, int64_t steps);

  void Warn(const std::string& text);

 private:
  void Send(int64_t step, int64_t steps, absl::Time now);
  absl::Duration TimeLeft(double within, absl::Time now) const;

  const Clock* clock_;
  EventWriter* events_;
  std::mutex mutex_;
  absl::Time started_;
  absl::Time stage_started_;
  absl::Time sent_ = absl::InfinitePast();
  std::string stage_;
  double begin_ = 0;
  double end_ = 0;
};

}  // namespace quantd
