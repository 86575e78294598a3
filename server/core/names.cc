#include "server/core/names.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/status_macros.h"

namespace quantd {
namespace {

constexpr size_t kTenantBytesMax = 63;
constexpr size_t kIdBytesMax = 64;
constexpr size_t kQuotedBytesMax = 128;

bool IsId(absl::string_view text, size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

bool IsTenant(absl::string_view text) {
  return IsId(text, kTenantBytesMax) && text.front() != '-' && text.back() != '-';
}

bool IsTenantOrEvery(absl::string_view text) { return text == kEveryTenant || IsTenant(text); }

absl::Status InvalidName(absl::string_view field, absl::string_view name,
                         absl::string_view pattern) {
  return InvalidField(
      "INVALID_NAME", field,
      absl::StrCat("'", absl::CHexEscape(name.substr(0, kQuotedBytesMax)), "' is not of the form ",
                   pattern, " (lower-case letters, digits and '-')"));
}

// Tenant and last part of tenants/{tenant}/{collection}/{id}.
absl::StatusOr<std::pair<std::string, std::string>> Parse(absl::string_view name,
                                                          absl::string_view collection,
                                                          absl::string_view field,
                                                          absl::string_view pattern,
                                                          bool (*is_tenant)(absl::string_view)) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "tenants" || parts[2] != collection ||
      !is_tenant(parts[1]) || !IsId(parts[3], kIdBytesMax)) {
    return InvalidName(field, name, pattern);
  }
  return std::make_pair(std::string(parts[1]), std::string(parts[3]));
}

absl::StatusOr<std::string> ParseParent(absl::string_view parent, absl::string_view field,
                                        bool (*is_tenant)(absl::string_view)) {
  const std::vector<absl::string_view> parts = absl::StrSplit(parent, '/');
  if (parts.size() != 2 || parts[0] != "tenants" || !is_tenant(parts[1])) {
    return InvalidName(field, parent, "tenants/{tenant}");
  }
  return std::string(parts[1]);
}

}  // namespace

absl::StatusOr<std::string> ParseTenant(absl::string_view parent, absl::string_view field) {
  return ParseParent(parent, field, IsTenant);
}

absl::StatusOr<std::string> ParseTenantOrEvery(absl::string_view parent, absl::string_view field) {
  return ParseParent(parent, field, IsTenantOrEvery);
}

absl::StatusOr<JobName> ParseJobName(absl::string_view name, absl::string_view field) {
  ASSIGN_OR_RETURN(auto parts, Parse(name, "jobs", field, "tenants/{tenant}/jobs/{job}", IsTenant));
  return JobName{std::move(parts.first), std::move(parts.second)};
}

absl::StatusOr<ArtifactName> ParseArtifactName(absl::string_view name, absl::string_view field) {
  ASSIGN_OR_RETURN(auto parts, Parse(name, "artifacts", field,
                                     "tenants/{tenant}/artifacts/{artifact}", IsTenant));
  return ArtifactName{std::move(parts.first), std::move(parts.second)};
}

absl::StatusOr<TokenName> ParseTokenName(absl::string_view name, absl::string_view field) {
  ASSIGN_OR_RETURN(
      auto parts, Parse(name, "tokens", field, "tenants/{tenant}/tokens/{token}", IsTenantOrEvery));
  return TokenName{std::move(parts.first), std::move(parts.second)};
}

}  // namespace quantd
