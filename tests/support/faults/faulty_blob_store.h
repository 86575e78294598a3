// A blob store whose calls fail by a plan. The plan hears of "upload" (one that is opened),
// "append", "finish", "delete", "collect", and of reads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/core/blob_store.h"
#include "tests/support/faults/fault_plan.h"

namespace quantd::testing {

// As thread-safe as what it decorates.
class FaultyBlobStore final : public BlobStore {
 public:
  // Both are borrowed.
  FaultyBlobStore(BlobStore* store, FaultPlan* plan) : store_(*store), plan_(*plan) {}

  // kDiskFull and kQuotaExceeded say DISK_FULL, the others DISK_FAILED. After kUnknownOutcome and
  // kCrashAfter the call was carried out; of an append, kShortWrite takes a part of the bytes,
  // which is an error, too, that a resumed upload has to deal with.
  using BlobStore::OpenUpload;
  absl::StatusOr<int64_t> Size(const std::string& digest) const override;
  absl::StatusOr<int64_t> Use(const std::string& digest) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(const std::string& digest) const override;
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                         const std::string& digest,
                                                         int64_t size_bytes,
                                                         int64_t stored_bytes_max) override;
  int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const override {
    return store_.CommittedBytes(upload_id, digest);
  }
  int64_t StoredBytes() const override { return store_.StoredBytes(); }
  absl::Status Delete(const std::string& digest) override;
  absl::StatusOr<std::optional<int64_t>> DeleteUnusedSince(const std::string& digest,
                                                           absl::Time time) override;
  absl::StatusOr<int> RemoveUploadsOlderThan(absl::Time time) override;
  absl::StatusOr<std::vector<std::string>> List() const override;

 private:
  class Writer;

  BlobStore& store_;
  FaultPlan& plan_;
};

}  // namespace quantd::testing
