// The writer for a blob that the store has already: it agrees to everything within the size.
#pragma once

#include <cstdint>

#include "server/blob/blob_errors.h"
#include "server/core/blob_store.h"

namespace quantd {

class ExistingBlobWriter final : public BlobWriter {
 public:
  explicit ExistingBlobWriter(int64_t size_bytes) : size_bytes_(size_bytes) {}

  int64_t committed() const override { return size_bytes_; }

  // Any part of the blob may come: a client that does not know that the blob exists starts at 0.
  absl::Status Append(int64_t offset, absl::string_view bytes) override {
    if (finished_) return WriterIsSpent();
    const bool inside = offset >= 0 && offset <= size_bytes_;
    return CheckAppend(offset, bytes.size(), inside ? offset : size_bytes_, size_bytes_);
  }

  absl::Status Finish() override {
    if (finished_) return WriterIsSpent();
    finished_ = true;
    return absl::OkStatus();
  }

 private:
  int64_t size_bytes_;
  bool finished_ = false;
};

}  // namespace quantd
