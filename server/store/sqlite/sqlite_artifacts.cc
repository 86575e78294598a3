#include "server/store/sqlite/sqlite_artifacts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/core/errors.h"
#include "server/core/job_codec.h"

namespace quantd::sqlite {
namespace {

constexpr char kInsert[] =
    "INSERT INTO artifacts (tenant, id, files, create_time, job, labels, digest) "
    "VALUES (:tenant, :id, :files, :create_time, :job, :labels, :digest) "
    "ON CONFLICT (tenant, id) DO NOTHING";

// What ReadArtifact() expects a SELECT to name.
constexpr char kSelect[] =
    "SELECT key, tenant, id, files, create_time, job, labels, digest FROM artifacts ";

absl::StatusOr<Artifact> ReadArtifact(const Statement& row) {
  Artifact artifact;
  artifact.key = row.Int(0);
  artifact.name = {.tenant = row.Text(1), .artifact = row.Text(2)};
  ASSIGN_OR_RETURN(artifact.files, DecodeFiles(row.Text(3)));
  artifact.create_time = DecodeTime(row.Int(4));
  artifact.job = row.Text(5);
  ASSIGN_OR_RETURN(artifact.labels, DecodeMap(row.Text(6)));
  artifact.digest = row.Text(7);
  return artifact;
}

}  // namespace

absl::Status SqliteArtifactTable::Insert(const Artifact& artifact) {
  ASSIGN_OR_RETURN(Statement insert, connection_.Prepare(kInsert));
  insert.BindText(":tenant", artifact.name.tenant);
  insert.BindText(":id", artifact.name.artifact);
  insert.BindText(":files", EncodeFiles(artifact.files));
  insert.BindInt(":create_time", EncodeTime(artifact.create_time));
  insert.BindText(":job", artifact.job);
  insert.BindText(":labels", EncodeMap(artifact.labels));
  insert.BindText(":digest", artifact.digest);
  RETURN_IF_ERROR(insert.Run());
  if (connection_.changes() > 0) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(artifact.name.ToString(), " exists already"));
}

absl::StatusOr<Artifact> SqliteArtifactTable::Get(const ArtifactName& name) {
  ASSIGN_OR_RETURN(Statement select, connection_.Prepare(absl::StrCat(
                                         kSelect, "WHERE tenant = :tenant AND id = :id")));
  select.BindText(":tenant", name.tenant);
  select.BindText(":id", name.artifact);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return errors::ArtifactNotFound(name);
  return ReadArtifact(select);
}

absl::StatusOr<std::vector<Artifact>> SqliteArtifactTable::List(const std::string& tenant,
                                                                std::optional<int64_t> before_key,
                                                                int limit) {
  ASSIGN_OR_RETURN(Statement select,
                   connection_.Prepare(absl::StrCat(kSelect,
                                                    "WHERE tenant = :tenant AND key < :before "
                                                    "ORDER BY key DESC LIMIT :limit")));
  select.BindText(":tenant", tenant);
  select.BindInt(":before", before_key.value_or(std::numeric_limits<int64_t>::max()));
  select.BindInt(":limit", std::max(limit, 0));
  std::vector<Artifact> artifacts;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return artifacts;
    ASSIGN_OR_RETURN(Artifact artifact, ReadArtifact(select));
    artifacts.push_back(std::move(artifact));
  }
}

absl::Status SqliteArtifactTable::Delete(const ArtifactName& name) {
  ASSIGN_OR_RETURN(
      Statement erase,
      connection_.Prepare("DELETE FROM artifacts WHERE tenant = :tenant AND id = :id"));
  erase.BindText(":tenant", name.tenant);
  erase.BindText(":id", name.artifact);
  RETURN_IF_ERROR(erase.Run());
  return connection_.changes() == 0 ? errors::ArtifactNotFound(name) : absl::OkStatus();
}

}  // namespace quantd::sqlite
