#include "server/core/artifact_registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/digest.h"
#include "common/status_macros.h"
#include "server/core/errors.h"

namespace quantd {

std::string ArtifactDigest(const std::vector<StoredFile>& files) {
  Sha256 sha;
  for (const StoredFile& file : files) {
    sha.Update(file.name);
    sha.Update(absl::string_view("\0", 1));
    sha.Update(file.digest);
    sha.Update("\n");
  }
  return sha.HexDigest();
}

absl::Status PrepareFiles(BlobStore& blobs, std::vector<StoredFile>& files) {
  std::sort(files.begin(), files.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.name < b.name; });
  for (const StoredFile& file : files) {
    const absl::StatusOr<int64_t> size = blobs.Use(file.digest);
    if (!size.ok() && !absl::IsNotFound(size.status())) return size.status();
    if (!size.ok() || *size != file.size_bytes) {
      return errors::ArtifactBlobMissing(file.name, file.digest);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Artifact> ArtifactRegistry::Create(
    const std::string& tenant, std::vector<StoredFile> files,
    const std::map<std::string, std::string>& labels) {
  const ArtifactName name{tenant, ids_->Next()};
  // In one transaction with the record, as the garbage collector needs it.
  RETURN_IF_ERROR(store_->Write([&](Transaction& t) -> absl::Status {
    RETURN_IF_ERROR(PrepareFiles(*blobs_->Of(tenant), files));
    return t.artifacts().Insert({.name = name,
                                 .files = files,
                                 .create_time = clock_->Now(),
                                 .labels = labels,
                                 .digest = ArtifactDigest(files)});
  }));
  return Get(name);
}

absl::StatusOr<Artifact> ArtifactRegistry::Get(const ArtifactName& name) const {
  Artifact artifact;
  RETURN_IF_ERROR(store_->Read([&](Transaction& t) -> absl::Status {
    ASSIGN_OR_RETURN(artifact, t.artifacts().Get(name));
    return absl::OkStatus();
  }));
  return artifact;
}

absl::StatusOr<std::vector<Artifact>> ArtifactRegistry::List(const std::string& tenant,
                                                             std::optional<int64_t> before_key,
                                                             int limit) const {
  std::vector<Artifact> artifacts;
  RETURN_IF_ERROR(store_->Read([&](Transaction& t) -> absl::Status {
    ASSIGN_OR_RETURN(artifacts, t.artifacts().List(tenant, before_key, limit));
    return absl::OkStatus();
  }));
  return artifacts;
}

absl::Status ArtifactRegistry::Delete(const ArtifactName& name) {
  return store_->Write([&](Transaction& t) { return t.artifacts().Delete(name); });
}

}  // namespace quantd
