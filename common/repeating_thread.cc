#include "common/repeating_thread.h"

#include <utility>

namespace quantd {

RepeatingThread::RepeatingThread(absl::Duration first_after, absl::Duration interval,
                                 std::function<void()> work)
    : work_(std::move(work)), thread_([=, this] { Run(first_after, interval); }) {}

RepeatingThread::~RepeatingThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RepeatingThread::Run(absl::Duration first_after, absl::Duration interval) const {
  std::unique_lock lock(mutex_);
  absl::Duration pause = first_after;
  while (!wake_.wait_for(lock, absl::ToChronoNanoseconds(pause), [this] { return stop_; })) {
    lock.unlock();
    work_();
    lock.lock();
    pause = interval;
  }
}

}  // namespace quantd
