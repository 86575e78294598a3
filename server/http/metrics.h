// What the server counts, for Prometheus. Names and labels are documented in docs/metrics.md.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_store.h"

namespace prometheus {
class Collectable;
}

namespace quantd {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One finished call. `method` is "JobService/CreateJob", `code` is "OK" or the status code's
  // name.
  void CountCall(absl::string_view method, absl::string_view code, absl::Duration took);

  enum class Direction { kIn, kOut };
  void CountBlobBytes(Direction direction, int64_t bytes);

  // One ended attempt: "SUCCEEDED", "FAILED", "HANDED_BACK" or "CANCELLED".
  void CountAttempt(absl::string_view outcome);
  void CountLease();
  void ObserveStage(absl::string_view stage, double seconds);
  void CountCachedJob();

  // Jobs by state and the age of the oldest queued one, asked for at every scrape. Called once,
  // before figures are exposed.
  void WatchQueue(std::function<absl::StatusOr<QueueCounts>()> count,
                  std::function<absl::Time()> now);

  // What a collection of garbage removed.
  void CountGarbage(const GarbageReport& report);

  // Bytes that all tenants store, asked for at every scrape. Called as above.
  void WatchStorage(std::function<int64_t()> stored_bytes);

  // What an exposer asks for figures. They live as long as this object.
  std::vector<std::weak_ptr<prometheus::Collectable>> collectables() const;

 private:
  struct Families;
  class QueueCollector;
  class StorageCollector;
  std::unique_ptr<Families> families_;
};

}  // namespace quantd
