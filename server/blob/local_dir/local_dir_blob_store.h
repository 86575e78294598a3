// Blobs as files in one folder of a local disk.
//
//   <folder>/objects/ab/abcd...   a blob, named by its digest; complete, verified and durable
//   <folder>/uploads/<key>        what has come of an upload; the key is UploadKey()
//
// An upload is hashed as it arrives. Finish() syncs its file, checks size and digest, renames it
// into objects/ and syncs the folder: a crash at any point leaves the whole blob or a partial
// upload that can be resumed. Appended bytes are not synced one by one: after a power failure a
// partial upload may be shorter, or damaged, which its digest shows at the end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/file_system.h"
#include "server/blob/upload_locks.h"
#include "server/core/blob_store.h"

namespace quantd {

// Thread-safe. One process at a time uses a folder. Resuming an upload reads what it has so far.
class LocalDirBlobStore final : public BlobStore {
 public:
  // Creates the folder where it is missing. The error names what could not be created. `files` is
  // borrowed.
  static absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> Open(FileSystem* files,
                                                                 const std::string& folder);

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

  // Throws away partial uploads to which nothing was appended since `time` (by the file system's
  // clock), except those that are open. Returns how many.
  absl::StatusOr<int> RemoveUploadsOlderThan(absl::Time time);

 private:
  class Writer;

  LocalDirBlobStore(FileSystem* files, const std::string& folder);

  // REQUIRES: `digest` is well-formed.
  std::string ShardPath(const std::string& digest) const;
  std::string ObjectPath(const std::string& digest) const;
  std::string UploadPath(const std::string& key) const;
  // Moves a verified, durable file to its place and makes that durable.
  absl::Status Publish(const std::string& upload_path, const std::string& digest);

  FileSystem* const files_;
  const std::string objects_folder_;
  const std::string uploads_folder_;
  UploadLocks locks_;
};

}  // namespace quantd
