// The table `artifacts` as one transaction sees it. Not thread-safe. Errors: beside those of
// ArtifactTable, those of SqlStatus(), and DATA_LOSS for a row that this server did not write.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/core/job_store.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

class SqliteArtifactTable final : public ArtifactTable {
 public:
  // Borrows the connection.
  explicit SqliteArtifactTable(Connection* connection) : connection_(*connection) {}

  absl::Status Insert(const Artifact& artifact) override;
  absl::StatusOr<Artifact> Get(const ArtifactName& name) override;
  absl::StatusOr<std::vector<Artifact>> List(const std::string& tenant,
                                             std::optional<int64_t> before_key, int limit) override;
  absl::Status Delete(const ArtifactName& name) override;

 private:
  Connection& connection_;
};

}  // namespace quantd::sqlite
