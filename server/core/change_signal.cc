#include "server/core/change_signal.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace quantd {
namespace {

// The deadline of a longer wait would overflow the clock, and lie in the past.
constexpr absl::Duration kWaitMax = absl::Hours(24 * 365);

}  // namespace

ChangeSignal::Bucket& ChangeSignal::BucketOf(absl::string_view topic) {
  return buckets_[std::hash<std::string_view>()({topic.data(), topic.size()}) % kBuckets];
}

uint64_t ChangeSignal::Generation(absl::string_view topic) {
  Bucket& bucket = BucketOf(topic);
  const std::lock_guard lock(bucket.mutex);
  return bucket.generation;
}

void ChangeSignal::Wait(absl::string_view topic, uint64_t seen, absl::Duration timeout) {
  Bucket& bucket = BucketOf(topic);
  std::unique_lock lock(bucket.mutex);
  bucket.changed.wait_for(lock, absl::ToChronoNanoseconds(std::min(timeout, kWaitMax)),
                          [&] { return bucket.closed || bucket.generation != seen; });
}

void ChangeSignal::Notify(absl::string_view topic) {
  Bucket& bucket = BucketOf(topic);
  {
    const std::lock_guard lock(bucket.mutex);
    ++bucket.generation;
  }
  bucket.changed.notify_all();
}

void ChangeSignal::Close() {
  for (Bucket& bucket : buckets_) {
    {
      const std::lock_guard lock(bucket.mutex);
      bucket.closed = true;
    }
    bucket.changed.notify_all();
  }
}

bool ChangeSignal::closed() {
  const std::lock_guard lock(buckets_[0].mutex);
  return buckets_[0].closed;
}

}  // namespace quantd
