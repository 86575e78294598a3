// Tenants as rows, and the server's switch among the counters.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/core/job_store.h"
#include "server/store/sqlite/database.h"

namespace quantd {

// What ReadTenant() reads from the first columns of a row; NULL throughout for a tenant without a
// row.
extern const char kTenantColumns[];
inline constexpr int kTenantColumnCount = 7;
Tenant ReadTenant(const Statement& row, const std::string& name);

// The query for the tenants that have rows in `table`, sorted. It jumps from one to the next by an
// index that begins with the tenant: DISTINCT would walk all rows.
std::string SelectTenantsOf(absl::string_view table);

class SqliteTenantTable final : public TenantTable {
 public:
  // `database` is borrowed, in a transaction.
  explicit SqliteTenantTable(Database& database) : database_(database) {}

  absl::StatusOr<Tenant> Get(const std::string& tenant) override;
  absl::Status Put(const Tenant& tenant) override;
  absl::StatusOr<bool> Paused() override;
  absl::Status SetPaused(bool paused) override;

 private:
  Database& database_;
};

}  // namespace quantd
