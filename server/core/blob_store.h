// Bytes by their SHA-256 digest. What exists is whole and never changes; equal content is stored
// once. Implementations are thread-safe; all of them pass
// tests/conformance/blob_store_conformance.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

// One upload. Not thread-safe, and must not outlive its store. Destroying it before Finish() keeps
// what was appended, so that the upload can be resumed.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  // Bytes that need not be sent: those a resumed upload has already, plus what was appended since.
  virtual int64_t committed() const = 0;

  // Takes all of `bytes` or, with an error, none of them; after an error the same call may be tried
  // again. `offset` must be committed().
  //
  // Errors: OUT_OF_RANGE        OFFSET_MISMATCH: a gap or a replay; the metadata's committed_bytes
  //                             says where to go on.
  //         INVALID_ARGUMENT    BLOB_TOO_LONG: beyond the announced size.
  //         RESOURCE_EXHAUSTED  DISK_FULL.
  virtual absl::Status Append(int64_t offset, absl::string_view bytes) = 0;

  // Verifies size and digest, makes the bytes durable and then visible. Called once; the writer
  // takes nothing afterwards (FAILED_PRECONDITION).
  //
  // Errors: INVALID_ARGUMENT    SIZE_MISMATCH, DIGEST_MISMATCH: nothing becomes visible and the
  //                             upload is thrown away.
  //         RESOURCE_EXHAUSTED  DISK_FULL: nothing becomes visible; open the upload again.
  virtual absl::Status Finish() = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // False for text that is no digest, too.
  virtual bool Has(const std::string& digest) const = 0;

  // NOT_FOUND, reason BLOB_NOT_FOUND.
  virtual absl::StatusOr<int64_t> Size(const std::string& digest) const = 0;

  // Up to `limit` bytes from `offset`; fewer only at the end. Costs memory for what is returned,
  // not for the blob. NOT_FOUND as above; OUT_OF_RANGE, reason READ_BEYOND_END, for an offset
  // beyond the end; INVALID_ARGUMENT for a negative limit.
  virtual absl::StatusOr<std::string> Read(const std::string& digest, int64_t offset,
                                           int64_t limit) const = 0;

  // Opens or resumes the upload of that id. The id is the client's, of any bytes; together with the
  // digest it names the upload. Different ids may upload one digest at the same time: all of them
  // succeed. What is kept of an upload that is longer than `size_bytes` is thrown away.
  //
  // For a blob that exists already the writer needs nothing (committed() is its size), takes any
  // part of it without looking, and Finish() is OK; what was kept of the upload is thrown away.
  //
  // Errors: INVALID_ARGUMENT    INVALID_DIGEST, INVALID_SIZE; SIZE_MISMATCH: the blob exists and
  // has
  //                             another size.
  //         ABORTED             UPLOAD_BUSY: somebody writes this upload at this moment.
  //         RESOURCE_EXHAUSTED  DISK_FULL.
  virtual absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                                 const std::string& digest,
                                                                 int64_t size_bytes) = 0;

  // Bytes of that upload that are kept; 0 when there is none, and once it is finished.
  virtual int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const = 0;

  // OK when it is not there. Reads that are under way end well or with BLOB_NOT_FOUND.
  virtual absl::Status Delete(const std::string& digest) = 0;

  // Every digest, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List() const = 0;
};

}  // namespace quantd
