#include "server/blob/memory/memory_blob_store.h"

#include <utility>

#include "common/digest.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/blob/existing_blob_writer.h"

namespace quantd {

class MemoryBlobStore::Writer final : public BlobWriter {
 public:
  Writer(MemoryBlobStore* store, UploadLocks::Lock lock, std::string key, std::string digest,
         int64_t size_bytes, int64_t committed)
      : store_(store),
        lock_(std::move(lock)),
        key_(std::move(key)),
        digest_(std::move(digest)),
        size_bytes_(size_bytes),
        committed_(committed) {}

  int64_t committed() const override { return committed_; }

  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    if (finished_) return WriterIsSpent();
    RETURN_IF_ERROR(CheckAppend(offset, bytes.size(), committed_, size_bytes_));
    const std::lock_guard guard(store_->mutex_);
    store_->uploads_[key_].append(bytes.data(), bytes.size());
    committed_ += static_cast<int64_t>(bytes.size());
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    finished_ = true;
    std::string bytes;
    {
      const std::lock_guard guard(store_->mutex_);
      bytes = std::move(store_->uploads_[key_]);
      store_->uploads_.erase(key_);
    }
    if (committed_ != size_bytes_) return SizeMismatch(size_bytes_, committed_);
    const std::string actual = Sha256Hex(bytes);
    if (actual != digest_) return DigestMismatch(digest_, actual);
    auto blob = std::make_shared<const std::string>(std::move(bytes));
    const std::lock_guard guard(store_->mutex_);
    store_->blobs_.emplace(digest_, std::move(blob));
    return absl::OkStatus();
  }

 private:
  MemoryBlobStore* store_;
  UploadLocks::Lock lock_;
  std::string key_;
  std::string digest_;
  int64_t size_bytes_;
  int64_t committed_;
  bool finished_ = false;
};

std::shared_ptr<const std::string> MemoryBlobStore::Find(const std::string& digest) const {
  const std::lock_guard guard(mutex_);
  const auto found = blobs_.find(digest);
  return found == blobs_.end() ? nullptr : found->second;
}

bool MemoryBlobStore::Has(const std::string& digest) const { return Find(digest) != nullptr; }

absl::StatusOr<int64_t> MemoryBlobStore::Size(const std::string& digest) const {
  const auto blob = Find(digest);
  if (blob == nullptr) return BlobNotFound(digest);
  return static_cast<int64_t>(blob->size());
}

absl::StatusOr<std::string> MemoryBlobStore::Read(const std::string& digest, int64_t offset,
                                                  int64_t limit) const {
  const auto blob = Find(digest);
  if (blob == nullptr) return BlobNotFound(digest);
  RETURN_IF_ERROR(CheckRead(offset, limit, static_cast<int64_t>(blob->size())));
  return blob->substr(static_cast<size_t>(offset), static_cast<size_t>(limit));
}

absl::StatusOr<std::unique_ptr<BlobWriter>> MemoryBlobStore::OpenUpload(
    const std::string& upload_id, const std::string& digest, int64_t size_bytes) {
  RETURN_IF_ERROR(CheckUpload(digest, size_bytes));
  const std::string key = UploadKey(upload_id, digest);
  std::optional<UploadLocks::Lock> lock = locks_.TryLock(key);
  if (!lock) return UploadBusy(digest);
  if (const auto blob = Find(digest); blob != nullptr) {
    const auto actual_bytes = static_cast<int64_t>(blob->size());
    if (actual_bytes != size_bytes) return SizeMismatch(size_bytes, actual_bytes);
    const std::lock_guard guard(mutex_);
    uploads_.erase(key);  // Another upload was faster.
    return std::make_unique<ExistingBlobWriter>(size_bytes);
  }
  const std::lock_guard guard(mutex_);
  std::string& kept = uploads_[key];
  if (static_cast<int64_t>(kept.size()) > size_bytes) kept.clear();
  return std::make_unique<Writer>(this, *std::move(lock), key, digest, size_bytes,
                                  static_cast<int64_t>(kept.size()));
}

int64_t MemoryBlobStore::CommittedBytes(const std::string& upload_id,
                                        const std::string& digest) const {
  const std::lock_guard guard(mutex_);
  const auto found = uploads_.find(UploadKey(upload_id, digest));
  return found == uploads_.end() ? 0 : static_cast<int64_t>(found->second.size());
}

absl::Status MemoryBlobStore::Delete(const std::string& digest) {
  const std::lock_guard guard(mutex_);
  blobs_.erase(digest);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryBlobStore::List() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> digests;
  for (const auto& [digest, blob] : blobs_) digests.push_back(digest);
  return digests;
}

}  // namespace quantd
