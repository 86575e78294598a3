// Resource names: tenants/{tenant}/jobs/{job}, .../artifacts/{artifact}, .../tokens/{token}. Pure
// functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quantd {

struct JobName {
  std::string tenant;
  std::string job;

  std::string ToString() const { return "tenants/" + tenant + "/jobs/" + job; }
  friend auto operator<=>(const JobName&, const JobName&) = default;
};

struct ArtifactName {
  std::string tenant;
  std::string artifact;

  std::string ToString() const { return "tenants/" + tenant + "/artifacts/" + artifact; }
  friend auto operator<=>(const ArtifactName&, const ArtifactName&) = default;
};

// In the place of a tenant: every tenant. Only tokens have it.
inline constexpr char kEveryTenant[] = "-";

struct TokenName {
  std::string tenant;  // Or kEveryTenant.
  std::string token;

  std::string ToString() const { return "tenants/" + tenant + "/tokens/" + token; }
  friend auto operator<=>(const TokenName&, const TokenName&) = default;
};

// Tenants match [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?; the last part of a name matches
// [a-z0-9-]{1,64}.
//
// Errors: INVALID_ARGUMENT, reason INVALID_NAME, with `field` at fault.
absl::StatusOr<std::string> ParseTenant(absl::string_view parent,
                                        absl::string_view field = "parent");
absl::StatusOr<JobName> ParseJobName(absl::string_view name, absl::string_view field = "name");
absl::StatusOr<ArtifactName> ParseArtifactName(absl::string_view name,
                                               absl::string_view field = "name");
// These two take "-" for the tenant, too.
absl::StatusOr<TokenName> ParseTokenName(absl::string_view name, absl::string_view field = "name");
absl::StatusOr<std::string> ParseTenantOrEvery(absl::string_view parent,
                                               absl::string_view field = "parent");

}  // namespace quantd
