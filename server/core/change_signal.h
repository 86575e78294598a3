// Wakes those who wait for something to change: long polls for jobs, watchers of one job. A signal
// says "look again", never what happened, so a spurious one costs a look and a missed one cannot
// be: whoever waits names the generation that it has seen. Thread-safe.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quantd {

class ChangeSignal {
 public:
  // Read it before looking at the state that `topic` is about.
  uint64_t Generation(absl::string_view topic);

  // Waits until the topic's generation is another than `seen`, for at most `timeout` of real time.
  // Returns at once when closed.
  void Wait(absl::string_view topic, uint64_t seen, absl::Duration timeout);

  void Notify(absl::string_view topic);

  // Ends every wait, now and from now on.
  void Close();
  bool closed();

 private:
  // Topics share a fixed number of buckets: nothing to clean up, and a wake-up reaches few
  // strangers.
  struct Bucket {
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t generation = 0;
    bool closed = false;
  };
  static constexpr size_t kBuckets = 256;

  Bucket& BucketOf(absl::string_view topic);

  std::array<Bucket, kBuckets> buckets_;
};

}  // namespace quantd
