#include "server/core/garbage_collector.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

// Rows of one transaction: others wait for it.
constexpr int kRowsPerTransaction = 100;

absl::Status AddFilesOfArtifacts(ArtifactTable& artifacts, const std::string& tenant,
                                 std::vector<std::string>& digests) {
  std::optional<int64_t> before_key;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<Artifact> page,
                     artifacts.List(tenant, before_key, kRowsPerTransaction));
    for (const Artifact& artifact : page) {
      for (const StoredFile& file : artifact.files) digests.push_back(file.digest);
    }
    if (page.size() < kRowsPerTransaction) return absl::OkStatus();
    before_key = page.back().key;
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> BlobsInUse(Transaction& transaction,
                                                    const std::string& tenant) {
  ASSIGN_OR_RETURN(std::vector<std::string> digests, transaction.jobs().Inputs(tenant));
  RETURN_IF_ERROR(AddFilesOfArtifacts(transaction.artifacts(), tenant, digests));
  std::sort(digests.begin(), digests.end());
  digests.erase(std::unique(digests.begin(), digests.end()), digests.end());
  return digests;
}

absl::StatusOr<std::vector<std::string>> TenantsWithRecords(Transaction& transaction) {
  ASSIGN_OR_RETURN(const std::vector<std::string> with_jobs, transaction.jobs().Tenants());
  ASSIGN_OR_RETURN(const std::vector<std::string> with_artifacts,
                   transaction.artifacts().Tenants());
  std::set<std::string> tenants(with_jobs.begin(), with_jobs.end());
  tenants.insert(with_artifacts.begin(), with_artifacts.end());
  return std::vector<std::string>(tenants.begin(), tenants.end());
}

absl::StatusOr<std::vector<std::string>> GarbageCollector::Tenants() const {
  const std::vector<std::string> with_blobs = blobs_->Tenants();
  std::set<std::string> tenants(with_blobs.begin(), with_blobs.end());
  RETURN_IF_ERROR(store_->Read([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<std::string> with_records, TenantsWithRecords(transaction));
    tenants.insert(with_records.begin(), with_records.end());
    return absl::OkStatus();
  }));
  return std::vector<std::string>(tenants.begin(), tenants.end());
}

absl::StatusOr<GarbageReport> GarbageCollector::Collect(absl::Duration grace) {
  if (grace < absl::ZeroDuration()) {
    return InvalidField("INVALID_GRACE", "grace", "must not be negative");
  }
  const std::lock_guard lock(one_at_a_time_);
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, Tenants());
  GarbageReport report;
  absl::Status first_error;
  for (const std::string& tenant : tenants) {
    const absl::Status status = CollectOf(tenant, grace, report);
    if (first_error.ok() && !status.ok()) {
      first_error = Annotate(status, absl::StrCat("garbage of tenant ", tenant));
    }
  }
  if (options_.observer) options_.observer(report);
  if (!first_error.ok()) return first_error;
  return report;
}

absl::Status GarbageCollector::CollectOf(const std::string& tenant, absl::Duration grace,
                                         GarbageReport& report) {
  RETURN_IF_ERROR(Expire(tenant, report));
  RETURN_IF_ERROR(RemoveBlobs(tenant, grace, report));
  ASSIGN_OR_RETURN(const int uploads, blobs_->Of(tenant)->RemoveUploadsOlderThan(
                                          clock_->Now() - options_.upload_age_max));
  report.removed_uploads += uploads;
  return absl::OkStatus();
}

absl::Status GarbageCollector::Expire(const std::string& tenant, GarbageReport& report) {
  ASSIGN_OR_RETURN(const TenantLimits limits, tenants_->Limits(tenant));
  if (!limits.retention) return absl::OkStatus();
  const absl::Time until = clock_->Now() - *limits.retention;
  for (size_t count = kRowsPerTransaction; count == kRowsPerTransaction;) {
    RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<Job> jobs,
                       transaction.jobs().FinishedUntil(tenant, until, kRowsPerTransaction));
      for (const Job& job : jobs) RETURN_IF_ERROR(transaction.jobs().Delete(job.key));
      count = jobs.size();
      return absl::OkStatus();
    }));
    report.removed_jobs += static_cast<int64_t>(count);
  }
  // Afterwards: an artifact goes with the last job that has it as its result. One that was
  // uploaded, or whose jobs were deleted, goes by its own age.
  for (size_t count = kRowsPerTransaction; count == kRowsPerTransaction;) {
    RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<Artifact> artifacts,
                       transaction.artifacts().UnusedUntil(tenant, until, kRowsPerTransaction));
      for (const Artifact& artifact : artifacts) {
        RETURN_IF_ERROR(transaction.artifacts().Delete(artifact.name));
      }
      count = artifacts.size();
      return absl::OkStatus();
    }));
    report.removed_artifacts += static_cast<int64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status GarbageCollector::RemoveBlobs(const std::string& tenant, absl::Duration grace,
                                           GarbageReport& report) {
  absl::Time cutoff = clock_->Now() - grace;
  std::vector<std::string> references;
  // A transaction that writes nothing, for what it excludes: see the header.
  RETURN_IF_ERROR(store_->Write([&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(references, BlobsInUse(transaction, tenant));
    ASSIGN_OR_RETURN(const std::vector<Job> running, transaction.jobs().Running());
    for (const Job& job : running) {
      if (job.name.tenant == tenant) cutoff = std::min(cutoff, job.attempts.back().start_time);
    }
    return absl::OkStatus();
  }));
  const std::shared_ptr<BlobStore> blobs = blobs_->Of(tenant);
  ASSIGN_OR_RETURN(const std::vector<std::string> digests, blobs->List());
  for (const std::string& digest : digests) {
    if (std::binary_search(references.begin(), references.end(), digest)) continue;
    ASSIGN_OR_RETURN(const std::optional<int64_t> removed_bytes,
                     blobs->DeleteUnusedSince(digest, cutoff));
    if (!removed_bytes) continue;
    ++report.removed_blobs;
    report.removed_bytes += *removed_bytes;
  }
  return absl::OkStatus();
}

}  // namespace quantd
