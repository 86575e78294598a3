// The writer for a blob that the store has already: nothing need be sent, and what is sent must be
// what is there. Comparing is cheaper than hashing, and a client with wrong bytes hears of it.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "server/blob/blob_errors.h"
#include "server/core/blob_store.h"

namespace quantd {

class ExistingBlobWriter final : public BlobWriter {
 public:
  // `store` is borrowed.
  ExistingBlobWriter(BlobStore* store, std::string digest, std::unique_ptr<BlobReader> blob)
      : store_(store), digest_(std::move(digest)), blob_(std::move(blob)) {}

  int64_t committed() const override { return blob_->size_bytes(); }

  // Any part of the blob may come: a client that does not know that the blob exists starts at 0.
  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    if (finished_) return WriterIsSpent();
    const int64_t size = blob_->size_bytes();
    const bool inside = offset >= 0 && offset <= size;
    RETURN_IF_ERROR(CheckAppend(offset, bytes.size(), inside ? offset : size, size));
    RETURN_IF_ERROR(blob_->Read(offset, static_cast<int64_t>(bytes.size()), stored_));
    return stored_ == bytes ? absl::OkStatus() : BytesDiffer(digest_, offset);
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    finished_ = true;
    // It may have been collected since the upload was opened.
    const absl::Status used = store_->Use(digest_).status();
    return absl::IsNotFound(used) ? BlobRemoved(digest_) : used;
  }

 private:
  BlobStore* const store_;
  const std::string digest_;
  const std::unique_ptr<BlobReader> blob_;
  std::string stored_;
  bool finished_ = false;
};

}  // namespace quantd
