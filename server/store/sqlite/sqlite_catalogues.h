// Catalogues as rows.
#pragma once

#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

class SqliteCatalogueTable final : public CatalogueTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteCatalogueTable(Database& database) : database_(database) {}

  absl::Status Put(const WorkerCatalogue& catalogue) override;
  absl::StatusOr<std::vector<WorkerCatalogue>> All() override;
  absl::StatusOr<std::vector<WorkerCatalogue>> Of(const std::string& tenant) override;
  absl::Status KeepLatest(const std::string& tenant, int count) override;

 private:
  Database& database_;
};

}  // namespace quantd
