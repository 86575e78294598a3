// Cuts off streams whose other side has gone quiet: a client that neither sends nor takes anything
// holds a thread of the server, and its upload, for as long as it likes.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <optional>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/repeating_thread.h"

namespace quantd {

// One thread for all streams. Thread-safe.
class StreamWatchdog {
  struct Entry {
    std::function<void()> cut_off;
    std::optional<absl::Time> waits_since;
    bool was_cut_off = false;
  };

 public:
  // `clock` is borrowed. It is asked every `look_every` of real time, hence a stream may wait so
  // much longer than `timeout`.
  StreamWatchdog(const Clock* clock, absl::Duration timeout, absl::Duration look_every);

  // A stream that is watched until this is destroyed. Not thread-safe.
  class Stream {
   public:
    // `cut_off` makes the stream's blocked call return. It is called once at most, from another
    // thread, and must not block.
    Stream(StreamWatchdog* watchdog, std::function<void()> cut_off);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Runs a call that waits for the other side.
    template <typename Call>
    auto Wait(const Call& call) {
      watchdog_->SetWaiting(*entry_, true);
      auto result = call();
      watchdog_->SetWaiting(*entry_, false);
      return result;
    }

    bool was_cut_off() const;

   private:
    StreamWatchdog* const watchdog_;
    const std::list<Entry>::iterator entry_;
  };

  absl::Duration timeout() const { return timeout_; }

 private:
  void SetWaiting(Entry& entry, bool waits);
  void Look();

  const Clock* const clock_;
  const absl::Duration timeout_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // Guarded by mutex_.
  RepeatingThread thread_;
};

}  // namespace quantd
