// The table `catalogues` as one transaction sees it. Not thread-safe. Errors: those of SqlStatus().
#pragma once

#include <vector>

#include "server/core/job_store.h"
#include "server/store/sqlite/connection.h"

namespace quantd::sqlite {

class SqliteCatalogueTable final : public CatalogueTable {
 public:
  // Borrows the connection.
  explicit SqliteCatalogueTable(Connection* connection) : connection_(*connection) {}

  absl::Status Put(const WorkerCatalogue& catalogue) override;
  absl::StatusOr<std::vector<WorkerCatalogue>> All() override;

 private:
  Connection& connection_;
};

}  // namespace quantd::sqlite
