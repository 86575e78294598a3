// Work that is done again and again, from a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace quantd {

// Its owner declares it last: the thread runs from its construction to its destruction.
class RepeatingThread {
 public:
  // Does `work` after `first_after`, and then with pauses of `interval`, both in real time.
  RepeatingThread(absl::Duration first_after, absl::Duration interval, std::function<void()> work);
  // Waits for work that has begun, and for nothing else.
  ~RepeatingThread();
  RepeatingThread(const RepeatingThread&) = delete;
  RepeatingThread& operator=(const RepeatingThread&) = delete;

 private:
  void Run(absl::Duration first_after, absl::Duration interval) const;

  const std::function<void()> work_;
  mutable std::mutex mutex_;
  mutable std::condition_variable wake_;
  bool stop_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace quantd
