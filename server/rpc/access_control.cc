#include "server/rpc/access_control.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/core/errors.h"

namespace quantd {
namespace {

constexpr char kScheme[] = "Bearer ";
// Refusals cost their sender nothing; the disk is not theirs to fill.
constexpr double kRefusalsPerSecond = 10;
constexpr char kRefusals[] = "/refusals";  // No tenant's name.

// Whether a call is part of running a job. A token that may do more than that is a worker's where
// only workers call: giving it that role, too, must not lift its limits.
bool IsOfWorker(const AccessPolicy::Rule& rule, const Caller& caller) {
  constexpr Roles kWorkers = {Role::kWorker};
  return caller.roles.Has(Role::kWorker) && (rule.roles == kWorkers || caller.roles == kWorkers);
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

}  // namespace

std::string AccessControl::SecretOf(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("authorization");
  if (found == context.client_metadata().end()) return "";
  const absl::string_view value(found->second.data(), found->second.size());
  if (!absl::StartsWithIgnoreCase(value, kScheme)) return "";
  return std::string(value.substr(sizeof(kScheme) - 1));
}

absl::Status AccessControl::Identify(const std::string& secret, CallRecord& record) const {
  if (parts_.tokens == nullptr) {
    record.caller = {.name = "anonymous", .roles = Roles::All()};
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(record.caller, parts_.tokens->Authenticate(secret));
  return absl::OkStatus();
}

CallGroup AccessControl::CountedWith(const CallRecord& record) const {
  if (record.caller.tenant == kEveryTenant) return {};
  return {.tenant = record.caller.tenant,
          .workers = IsOfWorker(policy_.RuleOf(record.method), record.caller)};
}

absl::Status AccessControl::Admit(const google::protobuf::Message& request, CallRecord& record) {
  const AccessPolicy::Rule& rule = policy_.RuleOf(record.method);
  record.resources = AccessPolicy::ResourcesOf(rule, request);
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, AccessPolicy::TenantsOf(rule, request));
  RETURN_IF_ERROR(AccessPolicy::Check(rule, record.caller, tenants));
  RETURN_IF_ERROR(CheckRate(rule, record, tenants));
  return rule.audited ? CheckAudit() : absl::OkStatus();
}

absl::Status AccessControl::CheckRate(const AccessPolicy::Rule& rule, const CallRecord& record,
                                      const std::vector<std::string>& tenants) {
  if (IsOfWorker(rule, record.caller)) return absl::OkStatus();
  const std::string& tenant = tenants.empty() ? record.caller.tenant : tenants[0];
  if (tenant == kEveryTenant) return absl::OkStatus();
  ASSIGN_OR_RETURN(const TenantLimits limits, parts_.tenants->Limits(tenant));
  if (!limits.calls_per_second) return absl::OkStatus();
  const std::optional<absl::Duration> wait = limiter_.Take(tenant, *limits.calls_per_second);
  if (!wait) return absl::OkStatus();
  return errors::RateLimited(tenant, *limits.calls_per_second, *wait);
}

absl::Status AccessControl::CheckAudit() {
  if (!audit_failed_) return absl::OkStatus();
  const absl::Status status =
      parts_.audit->Append({.time = parts_.clock->Now(),
                            .method = "AuditLog/Resume",
                            .code = "OK",
                            .reason = "earlier lines could not be written"});
  if (!status.ok()) return errors::AuditUnavailable();
  audit_failed_ = false;
  return absl::OkStatus();
}

void AccessControl::Record(const CallRecord& record, const absl::Status& status) {
  if (parts_.audit == nullptr) return;
  const bool refusal = IsRefusal(status);
  if (!refusal && !policy_.RuleOf(record.method).audited) return;
  AuditEntry entry{.time = parts_.clock->Now(),
                   .caller = record.caller.name,
                   .peer = record.peer,
                   .method = record.method,
                   .resources = record.resources,
                   .code = absl::StatusCodeToString(status.code()),
                   .reason = GetErrorDetails(status).reason};
  if (refusal) {
    if (limiter_.Take(kRefusals, kRefusalsPerSecond)) {
      ++refusals_left_out_;
      return;
    }
    if (const int64_t left_out = refusals_left_out_.exchange(0); left_out > 0) {
      absl::StrAppend(&entry.reason, "; ", left_out, " refused calls before this one are left out");
    }
  }
  const absl::Status appended = parts_.audit->Append(entry);
  if (appended.ok()) return;
  audit_failed_ = true;
  LOG_ERROR("a call is not in the audit log; such calls are refused until it can be written again",
            {{"method", record.method}, {"error", FormatStatus(appended)}});
}

}  // namespace quantd
