#include "server/store/sqlite/sqlite_tenants.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

void BindOptional(Statement& statement, const std::optional<int64_t>& value) {
  value ? statement.Bind(*value) : statement.BindNull();
}

std::optional<int64_t> OptionalInt(const Statement& statement, int column) {
  if (statement.IsNull(column)) return std::nullopt;
  return statement.Int(column);
}

}  // namespace

const char kTenantColumns[] =
    "stored_bytes_max, queued_jobs_max, running_jobs_max, calls_per_second, retention, weight, "
    "last_lease";

Tenant ReadTenant(const Statement& row, const std::string& name) {
  constexpr int kWeight = 5;
  Tenant tenant{.name = name};
  if (row.IsNull(kWeight)) return tenant;
  tenant.limits.stored_bytes_max = OptionalInt(row, 0);
  tenant.limits.queued_jobs_max = OptionalInt(row, 1);
  tenant.limits.running_jobs_max = OptionalInt(row, 2);
  if (!row.IsNull(3)) tenant.limits.calls_per_second = row.Double(3);
  if (!row.IsNull(4)) tenant.limits.retention = absl::Nanoseconds(row.Int(4));
  tenant.weight = row.Double(kWeight);
  tenant.last_lease = static_cast<uint64_t>(row.Int(6));
  return tenant;
}

std::string SelectTenantsOf(absl::string_view table) {
  return absl::StrCat("WITH RECURSIVE names(name) AS (SELECT min(tenant) FROM ", table,
                      " UNION ALL SELECT (SELECT min(tenant) FROM ", table,
                      "  WHERE tenant > names.name) FROM names WHERE names.name IS NOT NULL)"
                      "SELECT name FROM names WHERE name IS NOT NULL");
}

absl::StatusOr<Tenant> SqliteTenantTable::Get(const std::string& tenant) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare(absl::StrCat("SELECT ", kTenantColumns, " FROM tenants WHERE tenant = ?")));
  statement.Bind(tenant);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? ReadTenant(statement, tenant) : Tenant{.name = tenant};
}

absl::Status SqliteTenantTable::Put(const Tenant& tenant) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare("INSERT OR REPLACE INTO tenants (tenant, stored_bytes_max, "
                        "queued_jobs_max, running_jobs_max, calls_per_second, retention, weight, "
                        "last_lease) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  const TenantLimits& limits = tenant.limits;
  statement.Bind(tenant.name);
  BindOptional(statement, limits.stored_bytes_max);
  BindOptional(statement, limits.queued_jobs_max);
  BindOptional(statement, limits.running_jobs_max);
  limits.calls_per_second ? statement.Bind(*limits.calls_per_second) : statement.BindNull();
  limits.retention ? statement.Bind(absl::ToInt64Nanoseconds(*limits.retention))
                   : statement.BindNull();
  return statement.Bind(tenant.weight).Bind(static_cast<int64_t>(tenant.last_lease)).Run();
}

absl::StatusOr<bool> SqliteTenantTable::Paused() {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("SELECT value FROM counters WHERE name = 'paused'"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row && statement.Int(0) != 0;
}

absl::Status SqliteTenantTable::SetPaused(bool paused) {
  ASSIGN_OR_RETURN(Statement statement,
                   database_.Prepare("UPDATE counters SET value = ? WHERE name = 'paused'"));
  return statement.Bind(int64_t{paused}).Run();
}

}  // namespace quantd
