// Named sets of blobs. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/core/blob_store.h"
#include "server/core/ids.h"
#include "server/core/job_store.h"

namespace quantd {

// SHA-256 over "name NUL digest LF" of the files in byte order of their names: equal content, equal
// digest.
std::string ArtifactDigest(const std::vector<StoredFile>& files);

// Sorts the files and checks that every blob exists in the size that is told; they count as used
// now. FAILED_PRECONDITION, reason BLOB_MISSING.
absl::Status PrepareFiles(BlobStore& blobs, std::vector<StoredFile>& files);

class ArtifactRegistry {
 public:
  // Everything is borrowed.
  ArtifactRegistry(JobStore* store, BlobStores* blobs, const Clock* clock, IdSource* ids)
      : store_(store), blobs_(blobs), clock_(clock), ids_(ids) {}

  // Errors of PrepareFiles().
  absl::StatusOr<Artifact> Create(const std::string& tenant, std::vector<StoredFile> files,
                                  const std::map<std::string, std::string>& labels);
  absl::StatusOr<Artifact> Get(const ArtifactName& name) const;
  // Newest first, those with a key below `before_key` when it is set.
  absl::StatusOr<std::vector<Artifact>> List(const std::string& tenant,
                                             std::optional<int64_t> before_key, int limit) const;
  absl::Status Delete(const ArtifactName& name);

 private:
  JobStore* store_;
  BlobStores* blobs_;
  const Clock* clock_;
  IdSource* ids_;
};

}  // namespace quantd
