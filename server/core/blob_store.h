// Bytes by their SHA-256 digest. What exists is whole and never changes; equal content is stored
// once. Implementations are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// One upload. Not thread-safe. Destroying it keeps what was appended, so that the upload can be
// resumed.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  // Bytes that a resumed upload need not send again.
  virtual int64_t committed() const = 0;

  // `offset` must be committed(). OUT_OF_RANGE, reason OFFSET_MISMATCH, for a gap or a replay;
  // INVALID_ARGUMENT, reason BLOB_TOO_LONG, beyond the announced size; RESOURCE_EXHAUSTED, reason
  // DISK_FULL.
  virtual absl::Status Append(int64_t offset, absl::string_view bytes) = 0;

  // Verifies size and digest, makes the bytes durable and then visible. INVALID_ARGUMENT, reason
  // DIGEST_MISMATCH or SIZE_MISMATCH: nothing becomes visible and the upload is thrown away.
  virtual absl::Status Finish() = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // False for text that is no digest, too.
  virtual bool Has(const std::string& digest) const = 0;

  // NOT_FOUND, reason BLOB_NOT_FOUND.
  virtual absl::StatusOr<int64_t> Size(const std::string& digest) const = 0;

  // Up to `limit` bytes from `offset`; fewer only at the end. NOT_FOUND as above; OUT_OF_RANGE
  // beyond the end.
  virtual absl::StatusOr<std::string> Read(const std::string& digest, int64_t offset,
                                           int64_t limit) const = 0;

  // Opens or resumes the upload of that id. The id is the client's; together with the digest it
  // names the upload. For a blob that exists already the writer takes what it is given and Finish()
  // is OK at once. ABORTED, reason UPLOAD_BUSY: somebody writes this upload at this moment.
  // INVALID_ARGUMENT, reason INVALID_DIGEST or INVALID_SIZE.
  virtual absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                                 const std::string& digest,
                                                                 int64_t size_bytes) = 0;

  // Bytes of that upload that are kept; 0 when there is none.
  virtual int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const = 0;

  // OK when it is not there.
  virtual absl::Status Delete(const std::string& digest) = 0;

  // Every digest, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List() const = 0;
};

}  // namespace quantd
