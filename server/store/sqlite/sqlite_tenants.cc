#include "server/store/sqlite/sqlite_tenants.h"

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

absl::StatusOr<Tenant> SqliteTenantTable::Get(const std::string& tenant) {
  ASSIGN_OR_RETURN(
      Statement statement,
      database_.Prepare("SELECT stored_bytes_max, queued_jobs_max, running_jobs_max, "
                        "calls_per_second, retention, weight, last_lease "
                        "FROM tenants WHERE tenant = ?"));
  statement.Bind(tenant);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  Tenant found{.name = tenant};
  if (!row) return found;
  found.limits.stored_bytes_max = OptionalInt(statement, 0);
  found.limits.queued_jobs_max = OptionalInt(statement, 1);
  found.limits.running_jobs_max = OptionalInt(statement, 2);
  if (!statement.IsNull(3)) found.limits.calls_per_second = statement.Double(3);
  if (!statement.IsNull(4)) found.limits.retention = absl::Nanoseconds(statement.Int(4));
  found.weight = statement.Double(5);
  found.last_lease = static_cast<uint64_t>(statement.Int(6));
  return found;
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
