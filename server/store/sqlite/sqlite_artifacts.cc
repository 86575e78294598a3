#include "server/store/sqlite/sqlite_artifacts.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"
#include "server/store/sqlite/sqlite_tenants.h"

namespace quantd {
namespace {

constexpr char kSelect[] =
    "SELECT key, tenant, id, files, create_time, job, labels, digest FROM artifacts ";

absl::StatusOr<Artifact> ReadRow(const Statement& row) {
  Artifact artifact{.key = row.Int(0),
                    .name = {row.Text(1), row.Text(2)},
                    .create_time = DecodeTime(row.Int(4)),
                    .job = row.Text(5),
                    .digest = row.Text(7)};
  ASSIGN_OR_RETURN(artifact.files, DecodeFiles(row.Text(3)));
  ASSIGN_OR_RETURN(artifact.labels, DecodeMap(row.Text(6)));
  return artifact;
}

absl::StatusOr<std::vector<Artifact>> ReadRows(Statement& statement) {
  std::vector<Artifact> artifacts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return artifacts;
    ASSIGN_OR_RETURN(Artifact artifact, ReadRow(statement));
    artifacts.push_back(std::move(artifact));
  }
}

}  // namespace

absl::Status SqliteArtifactTable::Insert(const Artifact& artifact) {
  const absl::Status existing = Get(artifact.name).status();
  if (existing.ok()) {
    return absl::AlreadyExistsError(absl::StrCat(artifact.name.ToString(), " exists already"));
  }
  // A read that failed may have ended the transaction; an insertion now would be outside of it.
  if (!absl::IsNotFound(existing)) return existing;
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(
          "INSERT INTO artifacts (tenant, id, files, create_time, job, labels, digest) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)"));
  return statement.Bind(artifact.name.tenant)
      .Bind(artifact.name.artifact)
      .Bind(EncodeFiles(artifact.files))
      .Bind(EncodeTime(artifact.create_time))
      .Bind(artifact.job)
      .Bind(EncodeMap(artifact.labels))
      .Bind(artifact.digest)
      .Run();
}

absl::StatusOr<Artifact> SqliteArtifactTable::Get(const ArtifactName& name) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat(kSelect, "WHERE tenant = ? AND id = ?")));
  ASSIGN_OR_RETURN(const bool row, statement.Bind(name.tenant).Bind(name.artifact).Step());
  if (!row) return errors::ArtifactNotFound(name);
  return ReadRow(statement);
}

absl::StatusOr<std::vector<Artifact>> SqliteArtifactTable::List(const std::string& tenant,
                                                                std::optional<int64_t> before_key,
                                                                int limit) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat(
                       kSelect, "WHERE tenant = ? AND key < ? ORDER BY key DESC LIMIT ?")));
  statement.Bind(tenant)
      .Bind(before_key.value_or(std::numeric_limits<int64_t>::max()))
      .Bind(static_cast<int64_t>(limit));
  return ReadRows(statement);
}

absl::StatusOr<std::vector<std::string>> SqliteArtifactTable::Tenants() {
  ASSIGN_OR_RETURN(Statement statement, database_.Prepare(SelectTenantsOf("artifacts")));
  return ReadTexts(statement);
}

absl::StatusOr<std::vector<Artifact>> SqliteArtifactTable::UnusedUntil(const std::string& tenant,
                                                                       absl::Time time, int limit) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare(absl::StrCat(
                       kSelect,
                       "WHERE tenant = ? AND create_time <= ?"
                       " AND NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_artifact"
                       "  WHERE state = 'SUCCEEDED' AND jobs.tenant = artifacts.tenant"
                       "  AND json_extract(details, '$.artifact') ="
                       "   'tenants/' || artifacts.tenant || '/artifacts/' || artifacts.id)"
                       " ORDER BY key LIMIT ?")));
  statement.Bind(tenant).Bind(EncodeTime(time)).Bind(static_cast<int64_t>(limit));
  return ReadRows(statement);
}

absl::Status SqliteArtifactTable::Delete(const ArtifactName& name) {
  RETURN_IF_ERROR(Get(name).status());
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("DELETE FROM artifacts WHERE tenant = ? AND id = ?"));
  return statement.Bind(name.tenant).Bind(name.artifact).Run();
}

}  // namespace quantd
