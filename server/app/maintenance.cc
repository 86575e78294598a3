#include "server/app/maintenance.h"

#include "common/error.h"
#include "common/log.h"

namespace quantd {
namespace {

constexpr absl::Duration kUploadsEvery = absl::Hours(1);
constexpr absl::Duration kUploadsKeptFor = absl::Hours(24 * 7);

}  // namespace

Maintenance::Maintenance(JobQueue* queue, BlobStores* blobs, const Clock* clock,
                         absl::Duration interval)
    : queue_(queue), blobs_(blobs), clock_(clock), interval_(interval) {
  thread_ = std::thread([this] { Run(); });
}

Maintenance::~Maintenance() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Maintenance::Run() {
  absl::Time uploads_due = absl::InfinitePast();
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    const absl::StatusOr<int> reaped = queue_->Reap();
    if (!reaped.ok()) {
      LOG_ERROR("cannot take back leases", {{"error", FormatStatus(reaped.status())}});
    }
    if (clock_->Now() >= uploads_due) {
      for (const std::string& tenant : blobs_->Tenants()) {
        const absl::StatusOr<int> removed =
            blobs_->Of(tenant)->RemoveUploadsOlderThan(clock_->Now() - kUploadsKeptFor);
        if (!removed.ok()) {
          LOG_ERROR("cannot remove old uploads", {{"error", FormatStatus(removed.status())}});
        }
      }
      uploads_due = clock_->Now() + kUploadsEvery;
    }
    lock.lock();
  } while (!wake_.wait_for(lock, absl::ToChronoNanoseconds(interval_), [this] { return stop_; }));
}

}  // namespace quantd
