#include "server/app/maintenance.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/log.h"

namespace quantd {

Maintenance::Maintenance(JobQueue* queue, GarbageCollector* garbage, Intervals intervals)
    : queue_(queue), garbage_(garbage) {
  queue_thread_ =
      std::thread([this, intervals] { Repeat(intervals.queue, [this] { LookAfterQueue(); }); });
  garbage_thread_ =
      std::thread([this, intervals] { Repeat(intervals.garbage, [this] { CollectGarbage(); }); });
}

Maintenance::~Maintenance() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  queue_thread_.join();
  garbage_thread_.join();
}

void Maintenance::Repeat(absl::Duration interval, const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    work();
    lock.lock();
  } while (!wake_.wait_for(lock, absl::ToChronoNanoseconds(interval), [this] { return stop_; }));
}

void Maintenance::LookAfterQueue() const {
  const absl::StatusOr<int> reaped = queue_->Reap();
  if (!reaped.ok()) {
    LOG_ERROR("cannot take back leases", {{"error", FormatStatus(reaped.status())}});
  }
}

void Maintenance::CollectGarbage() const {
  const absl::StatusOr<GarbageReport> report = garbage_->Collect();
  if (!report.ok()) {
    LOG_ERROR("cannot collect garbage", {{"error", FormatStatus(report.status())}});
  } else if (*report != GarbageReport()) {
    LOG_INFO("garbage collected", {{"jobs", absl::StrCat(report->removed_jobs)},
                                   {"artifacts", absl::StrCat(report->removed_artifacts)},
                                   {"blobs", absl::StrCat(report->removed_blobs)},
                                   {"bytes", absl::StrCat(report->removed_bytes)},
                                   {"uploads", absl::StrCat(report->removed_uploads)}});
  }
}

}  // namespace quantd
