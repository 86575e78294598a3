#include "server/rpc/stream_watchdog.h"

#include <utility>

namespace quantd {

StreamWatchdog::StreamWatchdog(const Clock* clock, absl::Duration timeout,
                               absl::Duration look_every)
    : clock_(clock), timeout_(timeout), thread_(look_every, look_every, [this] { Look(); }) {}

void StreamWatchdog::Look() {
  const absl::Time now = clock_->Now();
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (!entry.waits_since || entry.was_cut_off || now - *entry.waits_since < timeout_) continue;
    entry.was_cut_off = true;
    // Under the lock, so that what is cut off is still there.
    entry.cut_off();
  }
}

void StreamWatchdog::SetWaiting(Entry& entry, bool waits) {
  const absl::Time now = clock_->Now();
  const std::lock_guard lock(mutex_);
  entry.waits_since = waits ? std::optional(now) : std::nullopt;
}

StreamWatchdog::Stream::Stream(StreamWatchdog* watchdog, std::function<void()> cut_off)
    : watchdog_(watchdog), entry_([&] {
        const std::lock_guard lock(watchdog->mutex_);
        return watchdog->entries_.insert(watchdog->entries_.end(), {std::move(cut_off), {}, false});
      }()) {}

StreamWatchdog::Stream::~Stream() {
  const std::lock_guard lock(watchdog_->mutex_);
  watchdog_->entries_.erase(entry_);
}

bool StreamWatchdog::Stream::was_cut_off() const {
  const std::lock_guard lock(watchdog_->mutex_);
  return entry_->was_cut_off;
}

}  // namespace quantd
