// The errors of every blob store, so that wording, code and reason are chosen once, and the checks
// that lead to them. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quantd {

absl::Status BlobNotFound(absl::string_view digest);
absl::Status UploadBusy(absl::string_view digest);
absl::Status UploadTakenOver();
absl::Status BlobRemoved(absl::string_view digest);
absl::Status WriterIsSpent();
absl::Status SizeMismatch(int64_t announced_bytes, int64_t actual_bytes);
absl::Status DigestMismatch(absl::string_view announced, absl::string_view actual);
// DIGEST_MISMATCH, too: the store has the blob, and it is different there.
absl::Status BytesDiffer(absl::string_view digest, int64_t offset);

// INVALID_DIGEST or INVALID_SIZE.
absl::Status CheckUpload(const std::string& digest, int64_t size_bytes);

// OFFSET_MISMATCH or BLOB_TOO_LONG for `length` bytes at `offset` of a blob of `size_bytes`.
absl::Status CheckAppend(int64_t offset, size_t length, int64_t committed_bytes,
                         int64_t size_bytes);

// READ_BEYOND_END, or INVALID_ARGUMENT for a negative limit.
absl::Status CheckRead(int64_t offset, int64_t limit, int64_t size_bytes);

}  // namespace quantd
