#include "server/app/maintenance.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/log.h"

namespace quantd {

Maintenance::Maintenance(const Parts& parts, const Intervals& intervals) : parts_(parts) {
  const auto start = [this](absl::Duration interval, void (Maintenance::*work)() const) {
    threads_.emplace_back(absl::ZeroDuration(), interval, [=, this] { (this->*work)(); });
  };
  start(intervals.queue, &Maintenance::LookAfterQueue);
  start(intervals.garbage, &Maintenance::CollectGarbage);
  if (parts.audit != nullptr) start(intervals.audit, &Maintenance::SyncAuditLog);
}

void Maintenance::LookAfterQueue() const {
  const absl::StatusOr<int> reaped = parts_.queue->Reap();
  if (!reaped.ok()) {
    LOG_ERROR("cannot take back leases", {{"error", FormatStatus(reaped.status())}});
  }
}

void Maintenance::CollectGarbage() const {
  const absl::StatusOr<GarbageReport> report = parts_.garbage->Collect();
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

void Maintenance::SyncAuditLog() const {
  if (const absl::Status synced = parts_.audit->Sync(); !synced.ok()) {
    LOG_ERROR("lines of the audit log may not survive a power failure",
              {{"error", FormatStatus(synced)}});
  }
}

}  // namespace quantd
