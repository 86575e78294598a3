// Artifacts as rows.
#pragma once

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

class SqliteArtifactTable final : public ArtifactTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteArtifactTable(Database& database) : database_(database) {}

  absl::Status Insert(const Artifact& artifact) override;
  absl::StatusOr<Artifact> Get(const ArtifactName& name) override;
  absl::StatusOr<std::vector<Artifact>> List(const std::string& tenant,
                                             std::optional<int64_t> before_key, int limit) override;
  absl::Status Delete(const ArtifactName& name) override;
  absl::StatusOr<std::vector<std::string>> Tenants() override;
  absl::StatusOr<std::vector<Artifact>> UnusedUntil(const std::string& tenant, absl::Time time,
                                                    int limit) override;

 private:
  Database& database_;
};

}  // namespace quantd
