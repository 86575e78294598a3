#include "server/rpc/convert_admin.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "server/rpc/convert_time.h"

namespace quantd {
namespace {

constexpr Role kRoles[] = {Role::kRead, Role::kSubmit, Role::kWorker, Role::kAdmin};
// Ten years: what is to be kept longer is kept for ever.
constexpr absl::Duration kRetentionMax = absl::Hours(24 * 3653);

absl::Status CheckQuota(const v1::Quota& quota) {
  std::vector<FieldViolation> violations;
  const auto check = [&](bool set, double value, absl::string_view name) {
    if (!set || (std::isfinite(value) && value >= 0)) return;
    violations.push_back({absl::StrCat("tenant.quota.", name), "must not be negative"});
  };
  check(quota.has_stored_bytes_max(), static_cast<double>(quota.stored_bytes_max()),
        "stored_bytes_max");
  check(quota.has_queued_jobs_max(), quota.queued_jobs_max(), "queued_jobs_max");
  check(quota.has_running_jobs_max(), quota.running_jobs_max(), "running_jobs_max");
  check(quota.has_calls_per_second(), quota.calls_per_second(), "calls_per_second");
  return violations.empty() ? absl::OkStatus() : InvalidFields("INVALID_QUOTA", violations);
}

}  // namespace

v1::Token ToProto(const AccessToken& token) {
  v1::Token proto;
  proto.set_name(token.name.ToString());
  for (const Role role : kRoles) {
    if (token.roles.Has(role)) proto.add_roles(static_cast<v1::Role>(v1::READ + int(role)));
  }
  proto.set_description(token.description);
  *proto.mutable_create_time() = ToProto(token.create_time);
  if (token.expire_time) *proto.mutable_expire_time() = ToProto(*token.expire_time);
  if (token.revoke_time) *proto.mutable_revoke_time() = ToProto(*token.revoke_time);
  if (token.rotate_time) *proto.mutable_rotate_time() = ToProto(*token.rotate_time);
  return proto;
}

absl::StatusOr<Roles> RolesFromProto(const v1::Token& token) {
  Roles roles;
  for (int i = 0; i < token.roles_size(); ++i) {
    const int role = token.roles(i);
    if (role <= v1::ROLE_UNSPECIFIED || !v1::Role_IsValid(role)) {
      return InvalidField("INVALID_ROLES", absl::StrCat("token.roles[", i, "]"),
                          "is none of READ, SUBMIT, WORKER, ADMIN");
    }
    roles.Add(kRoles[role - v1::READ]);
  }
  return roles;
}

v1::Quota ToProto(const TenantLimits& limits) {
  v1::Quota quota;
  if (limits.stored_bytes_max) quota.set_stored_bytes_max(*limits.stored_bytes_max);
  if (limits.queued_jobs_max) {
    quota.set_queued_jobs_max(static_cast<int32_t>(*limits.queued_jobs_max));
  }
  if (limits.running_jobs_max) {
    quota.set_running_jobs_max(static_cast<int32_t>(*limits.running_jobs_max));
  }
  if (limits.calls_per_second) quota.set_calls_per_second(*limits.calls_per_second);
  return quota;
}

absl::StatusOr<TenantLimits> LimitsFromProto(const v1::Tenant& tenant) {
  const v1::Quota& quota = tenant.quota();
  RETURN_IF_ERROR(CheckQuota(quota));
  TenantLimits limits;
  if (quota.has_stored_bytes_max()) limits.stored_bytes_max = quota.stored_bytes_max();
  if (quota.has_queued_jobs_max()) limits.queued_jobs_max = quota.queued_jobs_max();
  if (quota.has_running_jobs_max()) limits.running_jobs_max = quota.running_jobs_max();
  if (quota.has_calls_per_second()) limits.calls_per_second = quota.calls_per_second();
  if (tenant.has_retention()) {
    limits.retention = FromProto(tenant.retention());
    if (*limits.retention <= absl::ZeroDuration() || *limits.retention > kRetentionMax) {
      return InvalidField("INVALID_RETENTION", "tenant.retention",
                          "must be longer than 0 and at most ten years");
    }
  }
  return limits;
}

}  // namespace quantd
