#include "server/core/result_cache.h"

#include "common/status_macros.h"
#include "server/core/artifact_registry.h"

namespace quantd {
namespace {

absl::StatusOr<bool> IsWhole(Transaction& transaction, BlobStores& blobs, const Job& job) {
  const absl::StatusOr<ArtifactName> name = ParseArtifactName(job.artifact);
  if (!name.ok()) return false;
  absl::StatusOr<Artifact> artifact = transaction.artifacts().Get(*name);
  if (absl::IsNotFound(artifact.status())) return false;
  RETURN_IF_ERROR(artifact.status());
  const absl::Status found = PrepareFiles(*blobs.Of(name->tenant), artifact->files);
  if (absl::IsFailedPrecondition(found)) return false;
  RETURN_IF_ERROR(found);
  return true;
}

}  // namespace

absl::StatusOr<std::optional<Job>> FindResult(Transaction& transaction, BlobStores& blobs,
                                              const Job& job,
                                              const std::vector<std::string>& engine_versions) {
  for (const std::string& version : engine_versions) {
    ASSIGN_OR_RETURN(
        std::optional<Job> source,
        transaction.jobs().FinishedWork(job.name.tenant, job.traits.work_digest, version));
    if (!source) continue;
    ASSIGN_OR_RETURN(const bool whole, IsWhole(transaction, blobs, *source));
    if (whole) return source;
  }
  return std::nullopt;
}

absl::Status ReuseResult(Transaction& transaction, JobEdit& edit, const Job& source) {
  Job& job = edit.job();
  RETURN_IF_ERROR(edit.Move(JobTrigger::kReuseResult));
  ASSIGN_OR_RETURN(const std::string report,
                   transaction.jobs().ReadPayload(source.key, JobPayload::kReport));
  RETURN_IF_ERROR(transaction.jobs().WriteReport(job.key, report));
  job.engine_version = source.engine_version;
  job.artifact = source.artifact;
  job.cached_from = source.name.ToString();
  job.progress = source.progress;
  return edit.Save();
}

}  // namespace quantd
