// Blobs in memory: for tests, and for a server that is to forget everything.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/blob/upload_locks.h"
#include "server/core/blob_store.h"

namespace quantd {

// Thread-safe. Nothing bounds its memory but the quotas of those who call it.
class MemoryBlobStore final : public BlobStore {
 public:
  bool Has(const std::string& digest) const override;
  absl::StatusOr<int64_t> Size(const std::string& digest) const override;
  absl::StatusOr<std::string> Read(const std::string& digest, int64_t offset,
                                   int64_t limit) const override;
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                         const std::string& digest,
                                                         int64_t size_bytes) override;
  int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const override;
  absl::Status Delete(const std::string& digest) override;
  absl::StatusOr<std::vector<std::string>> List() const override;

 private:
  class Writer;

  // Null when it is not there.
  std::shared_ptr<const std::string> Find(const std::string& digest) const;

  UploadLocks locks_;
  mutable std::mutex mutex_;                                         // Guards what follows.
  std::map<std::string, std::shared_ptr<const std::string>> blobs_;  // By digest.
  std::map<std::string, std::string> uploads_;                       // By UploadKey().
};

}  // namespace quantd
