#include "worker/job/progress.h"

#include <algorithm>

namespace quantd {
namespace {

constexpr absl::Duration kIntervalMin = absl::Milliseconds(100);
// Below this share the extrapolation says nothing.
constexpr double kEtaShareMin = 0.02;

}  // namespace

Progress::Progress(const Clock* clock, EventWriter* events)
    : clock_(clock), events_(events), started_(clock->Now()), stage_started_(started_) {}

void Progress::StartStage(const std::string& stage, double begin, double end) {
  const std::lock_guard lock(mutex_);
  stage_ = stage;
  begin_ = begin;
  end_ = end;
  stage_started_ = clock_->Now();
  Send(0, 0, stage_started_);
}

void Progress::Step(int64_t step, int64_t steps) {
  const std::lock_guard lock(mutex_);
  const absl::Time now = clock_->Now();
  if (step < steps && now - sent_ < kIntervalMin) return;
  Send(step, steps, now);
}

// The shares of stages are guesses that do not know how many rows there are: a stage that is under
// way is extrapolated by its own pace, and only the stages behind it by their shares.
absl::Duration Progress::TimeLeft(double within, absl::Time now) const {
  const absl::Duration elapsed = now - started_;
  const double share = begin_ + (end_ - begin_) * within;
  if (within <= 0) return elapsed * ((1 - share) / share);
  const absl::Duration stage_left = (now - stage_started_) * ((1 - within) / within);
  return stage_left + (elapsed + stage_left) * ((1 - end_) / end_);
}

void Progress::Send(int64_t step, int64_t steps, absl::Time now) {
  sent_ = now;
  v1::JobEvent event;
  v1::Progress& progress = *event.mutable_progress();
  progress.set_stage(stage_);
  progress.set_step(step);
  progress.set_steps(steps);
  const double within =
      steps > 0 ? std::clamp(static_cast<double>(step) / static_cast<double>(steps), 0.0, 1.0) : 0;
  const double share = begin_ + (end_ - begin_) * within;
  progress.set_fraction(share);
  if (share >= kEtaShareMin) {
    const absl::Duration left = TimeLeft(within, now);
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
