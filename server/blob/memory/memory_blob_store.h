// Blobs in memory: for tests, and for a server that is to forget everything.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "server/blob/storage_account.h"
#include "server/blob/upload_claims.h"
#include "server/core/blob_store.h"

namespace quantd {

// Thread-safe. Nothing bounds its memory but the limits of those who call it.
class MemoryBlobStore final : public BlobStore {
 public:
  // `clock` is borrowed.
  MemoryBlobStore(const Clock* clock, std::string tenant)
      : clock_(clock), tenant_(std::move(tenant)), claims_(clock, kUploadQuiet) {}

  using BlobStore::OpenUpload;
  absl::StatusOr<int64_t> Size(const std::string& digest) const override;
  absl::StatusOr<int64_t> Use(const std::string& digest) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(const std::string& digest) const override;
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                         const std::string& digest,
                                                         int64_t size_bytes,
                                                         int64_t stored_bytes_max) override;
  int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const override;
  int64_t StoredBytes() const override { return account_.used(); }
  absl::Status Delete(const std::string& digest) override;
  absl::StatusOr<std::optional<int64_t>> DeleteUnusedSince(const std::string& digest,
                                                           absl::Time time) override;
  absl::StatusOr<int> RemoveUploadsOlderThan(absl::Time time) override;
  absl::StatusOr<std::vector<std::string>> List() const override;

  // Whether anybody has tried to upload anything.
  bool was_written() const { return was_written_; }

 private:
  class Writer;
  struct Blob {
    std::shared_ptr<const std::string> bytes;
    absl::Time last_use;
  };
  struct Upload {
    std::string bytes;
    absl::Time last_append;
  };

  // Null when it is not there.
  std::shared_ptr<const std::string> Find(const std::string& digest) const;

  const Clock* const clock_;
  const std::string tenant_;
  StorageAccount account_;
  UploadClaims claims_;
  std::atomic<bool> was_written_ = false;
  mutable std::mutex mutex_;               // Guards what follows.
  std::map<std::string, Blob> blobs_;      // By digest.
  std::map<std::string, Upload> uploads_;  // By UploadKey().
};

class MemoryBlobStores final : public BlobStores {
 public:
  // `clock` is borrowed.
  explicit MemoryBlobStores(const Clock* clock) : clock_(clock) {}

  std::shared_ptr<BlobStore> Of(const std::string& tenant) override;
  std::vector<std::string> Tenants() const override;

 private:
  const Clock* const clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<MemoryBlobStore>> stores_;  // By tenant.
};

}  // namespace quantd
