// Blobs as files in one folder of a local disk.
//
//   <folder>/objects/ab/abcd...   a blob, named by its digest; complete, verified and durable; its
//                                 time of change is that of its last use
//   <folder>/uploads/<key>        what has come of an upload; the key is UploadKey()
//
// An upload is hashed as it arrives. Finish() syncs its file, checks size and digest, renames it
// into objects/ and syncs the folder: a crash at any point leaves the whole blob or a partial
// upload that can be resumed. Appended bytes are not synced one by one: after a power failure a
// partial upload may be shorter, or damaged, which its digest shows at the end.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "server/blob/storage_account.h"
#include "server/blob/upload_claims.h"
#include "server/core/blob_store.h"

namespace quantd {

// Thread-safe. One process at a time uses a folder. Resuming an upload reads what it has so far.
class LocalDirBlobStore final : public BlobStore {
 public:
  // Reads the sizes of what is there; the folder is created by the first upload. `files` and
  // `clock` are borrowed. `tenant` is whose quota an error names.
  static absl::StatusOr<std::unique_ptr<LocalDirBlobStore>> Open(FileSystem* files,
                                                                 const Clock* clock,
                                                                 const std::string& folder,
                                                                 const std::string& tenant);
  // Where there is no folder yet.
  static std::unique_ptr<LocalDirBlobStore> New(FileSystem* files, const Clock* clock,
                                                const std::string& folder,
                                                const std::string& tenant);

  using BlobStore::OpenUpload;
  absl::StatusOr<int64_t> Size(const std::string& digest) const override;
  absl::StatusOr<int64_t> Use(const std::string& digest) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(const std::string& digest) const override;
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenUpload(const std::string& upload_id,
                                                         const std::string& digest,
                                                         int64_t size_bytes,
                                                         int64_t stored_bytes_max) override;
  int64_t CommittedBytes(const std::string& upload_id, const std::string& digest) const override;
  int64_t StoredBytes() const override { return account_.used(); }
  absl::Status Delete(const std::string& digest) override;
  absl::StatusOr<std::optional<int64_t>> DeleteUnusedSince(const std::string& digest,
                                                           absl::Time time) override;
  absl::StatusOr<int> RemoveUploadsOlderThan(absl::Time time) override;
  absl::StatusOr<std::vector<std::string>> List() const override;

  // Whether the folder is there.
  bool exists() const;

 private:
  class Writer;

  LocalDirBlobStore(FileSystem* files, const Clock* clock, const std::string& folder,
                    const std::string& tenant);

  // REQUIRES: `digest` is well-formed.
  std::string ShardPath(const std::string& digest) const;
  std::string ObjectPath(const std::string& digest) const;
  std::string UploadPath(const std::string& key) const;
  absl::Status CountWhatIsThere();
  absl::Status CreateFoldersOnce();
  absl::StatusOr<std::unique_ptr<BlobWriter>> OpenExisting(const std::string& key,
                                                           const std::string& digest,
                                                           int64_t announced_bytes,
                                                           std::unique_ptr<BlobReader> blob);
  // Use() and Open() in one step, between which nobody deletes the blob.
  absl::StatusOr<std::unique_ptr<BlobReader>> UseAndOpen(const std::string& digest);
  // Moves a verified, durable file to its place, makes that durable and then visible.
  absl::Status Publish(const std::string& key, const std::string& digest, int64_t size_bytes);
  absl::Status CreateShard(const std::string& digest);
  absl::Status MoveIntoPlace(const std::string& key, const std::string& digest);
  absl::StatusOr<FileInfo> InfoOf(const std::string& digest) const;  // Under objects_mutex_.
  // What is left of a failed upload goes.
  void ThrowAway(const std::string& key);

  FileSystem* const files_;
  const Clock* const clock_;
  const std::string folder_;
  const std::string tenant_;
  const std::string objects_folder_;
  const std::string uploads_folder_;
  StorageAccount account_;
  UploadClaims claims_;
  // Held by one publication from its first step to its last.
  std::mutex publish_mutex_;
  std::set<std::string> durable_shards_;  // Guarded by publish_mutex_.
  // Held while a blob appears, is used or goes, so that each sees the others whole; never while
  // anything is synced or read.
  mutable std::mutex objects_mutex_;
  // Blobs in their places that may not outlive a power failure: nobody may hear of them. Written
  // under both mutexes.
  std::set<std::string> unsynced_;
  std::mutex folders_mutex_;
  bool folders_created_ = false;  // Guarded by folders_mutex_.
};

}  // namespace quantd
