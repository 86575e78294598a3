#include "server/blob/memory/memory_blob_store.h"

#include <utility>

#include "common/digest.h"
#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/blob/existing_blob_writer.h"
#include "server/core/errors.h"

namespace quantd {
namespace {

class MemoryBlobReader final : public BlobReader {
 public:
  explicit MemoryBlobReader(std::shared_ptr<const std::string> blob) : blob_(std::move(blob)) {}

  int64_t size_bytes() const override { return static_cast<int64_t>(blob_->size()); }

  absl::Status Read(int64_t offset, int64_t limit, std::string& bytes) override {
    RETURN_IF_ERROR(CheckRead(offset, limit, size_bytes()));
    bytes.assign(*blob_, static_cast<size_t>(offset), static_cast<size_t>(limit));
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const std::string> blob_;
};

}  // namespace

class MemoryBlobStore::Writer final : public BlobWriter {
 public:
  Writer(MemoryBlobStore* store, UploadClaims::Claim claim, std::string key, std::string digest,
         int64_t size_bytes, int64_t committed)
      : store_(store),
        claim_(std::move(claim)),
        key_(std::move(key)),
        digest_(std::move(digest)),
        size_bytes_(size_bytes),
        committed_(committed) {}

  ~Writer() override {
    if (finished_) return;
    claim_
        .Run([&] {
          store_->account_.SetUpload(key_, committed_);
          return absl::OkStatus();
        })
        .IgnoreError();  // Whoever has taken the upload over counts it.
  }

  int64_t committed() const override { return committed_; }

  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    if (finished_) return WriterIsSpent();
    return claim_.Run([&]() -> absl::Status {
      RETURN_IF_ERROR(CheckAppend(offset, bytes.size(), committed_, size_bytes_));
      const std::lock_guard guard(store_->mutex_);
      Upload& upload = store_->uploads_[key_];
      upload.bytes.append(bytes.data(), bytes.size());
      upload.last_append = store_->clock_->Now();
      committed_ += static_cast<int64_t>(bytes.size());
      return absl::OkStatus();
    });
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    return claim_.Run([&] {
      finished_ = true;
      const absl::Status status = Publish();
      if (!status.ok()) store_->account_.SetUpload(key_, 0);
      return status;
    });
  }

 private:
  absl::Status Publish() {
    std::string bytes;
    {
      const std::lock_guard guard(store_->mutex_);
      bytes = std::move(store_->uploads_[key_].bytes);
      store_->uploads_.erase(key_);
    }
    if (committed_ != size_bytes_) return SizeMismatch(size_bytes_, committed_);
    const std::string actual = Sha256Hex(bytes);
    if (actual != digest_) return DigestMismatch(digest_, actual);
    auto blob = std::make_shared<const std::string>(std::move(bytes));
    const std::lock_guard guard(store_->mutex_);
    const auto [at, fresh] = store_->blobs_.try_emplace(digest_, Blob{std::move(blob), {}});
    at->second.last_use = store_->clock_->Now();
    fresh ? store_->account_.AddBlob(key_, size_bytes_) : store_->account_.SetUpload(key_, 0);
    return absl::OkStatus();
  }

  MemoryBlobStore* store_;
  UploadClaims::Claim claim_;
  std::string key_;
  std::string digest_;
  int64_t size_bytes_;
  int64_t committed_;
  bool finished_ = false;
};

std::shared_ptr<const std::string> MemoryBlobStore::Find(const std::string& digest) const {
  const std::lock_guard guard(mutex_);
  const auto found = blobs_.find(digest);
  return found == blobs_.end() ? nullptr : found->second.bytes;
}

absl::StatusOr<int64_t> MemoryBlobStore::Size(const std::string& digest) const {
  const auto blob = Find(digest);
  if (blob == nullptr) return BlobNotFound(digest);
  return static_cast<int64_t>(blob->size());
}

absl::StatusOr<int64_t> MemoryBlobStore::Use(const std::string& digest) {
  const std::lock_guard guard(mutex_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return BlobNotFound(digest);
  found->second.last_use = clock_->Now();
  return static_cast<int64_t>(found->second.bytes->size());
}

absl::StatusOr<std::unique_ptr<BlobReader>> MemoryBlobStore::Open(const std::string& digest) const {
  auto blob = Find(digest);
  if (blob == nullptr) return BlobNotFound(digest);
  return std::make_unique<MemoryBlobReader>(std::move(blob));
}

absl::StatusOr<std::unique_ptr<BlobWriter>> MemoryBlobStore::OpenUpload(
    const std::string& upload_id, const std::string& digest, int64_t size_bytes,
    int64_t stored_bytes_max) {
  RETURN_IF_ERROR(CheckUpload(digest, size_bytes));
  const std::string key = UploadKey(upload_id, digest);
  std::optional<UploadClaims::Claim> claim = claims_.Take(key);
  if (!claim) return UploadBusy(digest);
  was_written_ = true;
  std::shared_ptr<const std::string> existing = Find(digest);
  if (existing != nullptr && Use(digest).ok()) {
    auto blob = std::make_unique<MemoryBlobReader>(std::move(existing));
    if (blob->size_bytes() != size_bytes) return SizeMismatch(size_bytes, blob->size_bytes());
    const std::lock_guard guard(mutex_);
    uploads_.erase(key);  // Another upload was faster.
    account_.SetUpload(key, 0);
    return std::make_unique<ExistingBlobWriter>(this, digest, std::move(blob));
  }
  if (!account_.Reserve(key, size_bytes, stored_bytes_max)) {
    return errors::QuotaExceeded(tenant_, "stored_bytes_max", stored_bytes_max, account_.used());
  }
  const std::lock_guard guard(mutex_);
  Upload& kept = uploads_[key];
  kept.last_append = clock_->Now();
  if (static_cast<int64_t>(kept.bytes.size()) > size_bytes) kept.bytes.clear();
  return std::make_unique<Writer>(this, *std::move(claim), key, digest, size_bytes,
                                  static_cast<int64_t>(kept.bytes.size()));
}

int64_t MemoryBlobStore::CommittedBytes(const std::string& upload_id,
                                        const std::string& digest) const {
  const std::lock_guard guard(mutex_);
  const auto found = uploads_.find(UploadKey(upload_id, digest));
  return found == uploads_.end() ? 0 : static_cast<int64_t>(found->second.bytes.size());
}

absl::Status MemoryBlobStore::Delete(const std::string& digest) {
  return DeleteUnusedSince(digest, absl::InfiniteFuture()).status();
}

absl::StatusOr<std::optional<int64_t>> MemoryBlobStore::DeleteUnusedSince(const std::string& digest,
                                                                          absl::Time time) {
  const std::lock_guard guard(mutex_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end() || found->second.last_use >= time) return std::nullopt;
  const auto size_bytes = static_cast<int64_t>(found->second.bytes->size());
  blobs_.erase(found);
  account_.RemoveBlob(size_bytes);
  return size_bytes;
}

absl::StatusOr<int> MemoryBlobStore::RemoveUploadsOlderThan(absl::Time time) {
  std::vector<std::string> old;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [key, upload] : uploads_) {
      if (upload.last_append < time) old.push_back(key);
    }
  }
  int removed = 0;
  for (const std::string& key : old) {
    const std::optional<UploadClaims::Claim> claim = claims_.TakeUnclaimed(key);
    if (!claim) continue;
    const std::lock_guard guard(mutex_);
    const auto found = uploads_.find(key);
    if (found == uploads_.end() || found->second.last_append >= time) continue;
    uploads_.erase(found);
    account_.SetUpload(key, 0);
    ++removed;
  }
  return removed;
}

absl::StatusOr<std::vector<std::string>> MemoryBlobStore::List() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> digests;
  for (const auto& [digest, blob] : blobs_) digests.push_back(digest);
  return digests;
}

std::shared_ptr<BlobStore> MemoryBlobStores::Of(const std::string& tenant) {
  const std::lock_guard guard(mutex_);
  std::shared_ptr<MemoryBlobStore>& store = stores_[tenant];
  if (store == nullptr) store = std::make_shared<MemoryBlobStore>(clock_, tenant);
  return store;
}

std::vector<std::string> MemoryBlobStores::Tenants() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> tenants;
  for (const auto& [tenant, store] : stores_) {
    if (store->was_written()) tenants.push_back(tenant);
  }
  return tenants;
}

}  // namespace quantd
