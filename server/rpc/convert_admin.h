// Tokens and tenants <-> protobuf. Pure functions.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/admin.pb.h"
#include "server/core/access.h"
#include "server/core/tenant.h"

namespace quantd {

// Without any hash.
v1::Token ToProto(const AccessToken& token);

// INVALID_ARGUMENT, reason INVALID_ROLES, for roles that are none.
absl::StatusOr<Roles> RolesFromProto(const v1::Token& token);

v1::Quota ToProto(const TenantLimits& limits);

// INVALID_ARGUMENT, reason INVALID_QUOTA, for negative values, and INVALID_RETENTION.
absl::StatusOr<TenantLimits> LimitsFromProto(const v1::Tenant& tenant);

}  // namespace quantd
