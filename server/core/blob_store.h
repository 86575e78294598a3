// Bytes by their SHA-256 digest, of one tenant. What exists is whole and never changes; equal
// content is stored once. Implementations are thread-safe; all of them pass
// tests/conformance/blob_store_conformance.h.
//
// No tenant can learn of another's blobs: every tenant has a store of its own (BlobStores), and a
// store has no way to ask for anybody else's.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

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
  //         INVALID_ARGUMENT    BLOB_TOO_LONG: beyond the announced size. DIGEST_MISMATCH: the blob
  //                             exists and has other bytes there.
  //         ABORTED             UPLOAD_TAKEN_OVER: this writer was quiet for kUploadQuiet, and
  //                             somebody else opened the upload.
  //         RESOURCE_EXHAUSTED  DISK_FULL.
  virtual absl::Status Append(int64_t offset, absl::string_view bytes) = 0;

  // The same, and saves a copy: `bytes` may be taken, and others that mean nothing left in their
  // place. With an error they stay as they are.
  virtual absl::Status AppendAndTake(int64_t offset, std::string& bytes) {
    return Append(offset, bytes);
  }

  // Verifies size and digest, makes the bytes durable and then visible. Called once; the writer
  // takes nothing afterwards (FAILED_PRECONDITION).
  //
  // Errors: INVALID_ARGUMENT    SIZE_MISMATCH, DIGEST_MISMATCH: nothing becomes visible and the
  //                             upload is thrown away.
  //         ABORTED             UPLOAD_TAKEN_OVER as above; BLOB_REMOVED: the blob existed when the
  //                             upload was opened and does not any more; open it again.
  //         RESOURCE_EXHAUSTED  DISK_FULL: nothing becomes visible; open the upload again.
  virtual absl::Status Finish() = 0;
};

// An open blob. It stays readable when the blob is deleted. Not thread-safe.
class BlobReader {
 public:
  virtual ~BlobReader() = default;

  virtual int64_t size_bytes() const = 0;

  // Makes `bytes` the up to `limit` bytes from `offset`; fewer only at the end. Its memory is used
  // again. OUT_OF_RANGE, reason READ_BEYOND_END, for an offset beyond the end; INVALID_ARGUMENT for
  // a negative limit.
  virtual absl::Status Read(int64_t offset, int64_t limit, std::string& bytes) = 0;
};

class BlobStore {
 public:
  // A writer that took nothing for so long may lose its upload to whoever opens it next: its
  // connection is broken in a way that the server has not noticed yet. One that is at work keeps
  // it, so that two clients of one upload do not throw each other out in turn.
  static constexpr absl::Duration kUploadQuiet = absl::Seconds(5);
  // More than any model has; keeps sums of sizes far from the end of their type.
  static constexpr int64_t kBlobBytesMax = int64_t{1} << 44;
  static constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

  virtual ~BlobStore() = default;

  // False for text that is no digest, too.
  bool Has(const std::string& digest) const { return Size(digest).ok(); }

  // NOT_FOUND, reason BLOB_NOT_FOUND, here and below.
  virtual absl::StatusOr<int64_t> Size(const std::string& digest) const = 0;

  // The same, and the blob counts as used now. Whoever tells somebody that a blob is there calls
  // this: DeleteUnusedSince() spares it.
  virtual absl::StatusOr<int64_t> Use(const std::string& digest) = 0;

  virtual absl::StatusOr<std::unique_ptr<BlobReader>> Open(const std::string& digest) const = 0;
  // Open() and BlobReader::Read() in one. Costs memory for what is returned, not for the blob.
  absl::StatusOr<std::string> Read(const std::string& digest, int64_t offset, int64_t limit) const;

  // Opens or resumes the upload of that id. The id is the client's, of any bytes; together with the
  // digest it names the upload. Different ids may upload one digest at the same time: all of them
  // succeed. What is kept of an upload that is longer than `size_bytes` is thrown away.
  //
  // For a blob that exists already the writer needs nothing (committed() is its size) and Finish()
  // is OK; bytes that are sent all the same are compared with the blob's, from any offset. What was
  // kept of the upload is thrown away.
  //
  // Errors: INVALID_ARGUMENT    INVALID_DIGEST, INVALID_SIZE; SIZE_MISMATCH: the blob exists and
  //                             has another size.
  //         ABORTED             UPLOAD_BUSY: somebody writes this upload at this moment.
  //         RESOURCE_EXHAUSTED  DISK_FULL; QUOTA_EXCEEDED: with this upload at its announced size,
  //                             the store would hold more than `stored_bytes_max`.
  virtual absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                                 const std::string& digest,
                                                                 int64_t size_bytes,
                                                                 int64_t stored_bytes_max) = 0;
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                         const std::string& digest,
                                                         int64_t size_bytes) {
    return OpenUpload(upload_id, digest, size_bytes, kNoLimit);
  }

  // Bytes of that upload that are kept; 0 when there is none, and once it is finished.
  virtual int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const = 0;

  // Blobs, and uploads: an open one at its announced size, another one at what is kept of it.
  virtual int64_t StoredBytes() const = 0;

  // OK when it is not there. Reads that are under way end well or with BLOB_NOT_FOUND.
  virtual absl::Status Delete(const std::string& digest) = 0;

  // Deletes the blob unless it was published or used at `time` or later; its size, or nothing when
  // it stays or is not there. No Use() comes between the look and the deletion.
  virtual absl::StatusOr<std::optional<int64_t>> DeleteUnusedSince(const std::string& digest,
                                                                   absl::Time time) = 0;

  // Throws away uploads to which nothing was appended since `time`, except those that are open.
  // Returns how many.
  virtual absl::StatusOr<int> RemoveUploadsOlderThan(absl::Time time) = 0;

  // Every digest, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List() const = 0;
};

// The stores of all tenants. Thread-safe.
class BlobStores {
 public:
  virtual ~BlobStores() = default;

  // The tenant's store. Costs nothing and leaves no trace until something is written.
  // REQUIRES: the name of a tenant, as ParseTenant() gives it.
  virtual std::shared_ptr<BlobStore> Of(const std::string& tenant) = 0;

  // The tenants that have stored something since the data was new, sorted.
  virtual std::vector<std::string> Tenants() const = 0;
};

// What all tenants store together.
int64_t StoredBytes(BlobStores& stores);

}  // namespace quantd
