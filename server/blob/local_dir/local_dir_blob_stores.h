// Every tenant's blobs in a folder of its own:
//
//   <folder>/tenants/<tenant>/...   a LocalDirBlobStore
//
// The level above the tenants' names keeps them apart from anything else in the folder, whatever a
// tenant is called.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/blob/local_dir/local_dir_blob_store.h"

namespace quantd {

// Thread-safe.
class LocalDirBlobStores final : public BlobStores {
 public:
  // Counts what every tenant stores. `files` and `clock` are borrowed.
  static absl::StatusOr<std::unique_ptr<LocalDirBlobStores>> Open(FileSystem* files,
                                                                  const Clock* clock,
                                                                  const std::string& folder);

  std::shared_ptr<BlobStore> Of(const std::string& tenant) override;
  std::vector<std::string> Tenants() const override;

 private:
  LocalDirBlobStores(FileSystem* files, const Clock* clock, const std::string& folder);

  FileSystem* const files_;
  const Clock* const clock_;
  const std::string folder_;  // Of the tenants' folders.
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LocalDirBlobStore>> stores_;  // Guarded by mutex_.
};

}  // namespace quantd
