#include "worker/job/progress.h"

#include <algorithm>

namespace quantd {
namespace {

constexpr absl::Duration kIntervalMin = absl::Milliseconds(100);
// Below this share the extrapolation says nothing.
constexpr double kEtaShareMin = 0.02;

}  // namespace

Progress::Progress(const Clock* clock, EventWriter* events)
    : clock_(clock), events_(events), started_(clock->Now()) {}

void Progress::StartStage(const std::string& stage, double begin, double end) {
  const std::lock_guard lock(mutex_);
  stage_ = stage;
  begin_ = begin;
  end_ = end;
  Send(0, 0, clock_->Now());
}

void Progress::Step(int64_t step, int64_t steps) {
  const std::lock_guard lock(mutex_);
  const absl::Time now = clock_->Now();
  if (step < steps && now - sent_ < kIntervalMin) return;
  Send(step, steps, now);
}

void Progress::Send(int64_t step, int64_t steps, absl::Time now) {
  sent_ = now;
  v1::JobEvent event;
  v1::Progress& progress = *event.mutable_progress();
  progress.set_stage(stage_);
  progress.set_step(step);
  progress.set_steps(steps);
  const double within = steps > 0 ? static_cast<double>(step) / static_cast<double>(steps) : 0;
  const double share = begin_ + (end_ - begin_) * std::clamp(within, 0.0, 1.0);
  progress.set_fraction(share);
  if (share >= kEtaShareMin) {
    const absl::Duration left = (now - started_) * ((1 - share) / share);
    progress.mutable_eta()->set_seconds(absl::ToInt64Seconds(left));
    progress.mutable_eta()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(left % absl::Seconds(1))));
  }
  events_->Write(event);
}

void Progress::Warn(const std::string& text) {
  v1::JobEvent event;
  event.set_warning(text);
  events_->Write(event);
}

}  // namespace quantd
