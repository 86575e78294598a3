// quantctl admin tenant ...
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/admin/actions.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "common/status_macros.h"

namespace quantd::admin {
namespace {

constexpr char kDefault[] = "default";

std::string NameOf(const Invocation& invocation, const std::vector<std::string>& arguments) {
  return absl::StrCat("tenants/", arguments.empty() ? invocation.tenant : arguments[0]);
}

absl::StatusOr<int> Print(Invocation& invocation, const v1::Tenant& tenant) {
  if (invocation.json()) {
    RETURN_IF_ERROR(PrintJson(tenant, invocation.env.out));
    return kExitOk;
  }
  const v1::Quota& own = tenant.quota();
  const v1::Quota& holds = tenant.effective_quota();
  const auto limit = [](bool set, const std::string& text) { return set ? text : "unlimited"; };
  const auto whose = [](bool set) { return std::string(set ? "this tenant" : "default"); };
  Table table({"LIMIT", "VALUE", "SET FOR", "IN USE"});
  table.Add({"stored bytes",
             limit(holds.has_stored_bytes_max(), FormatBytes(holds.stored_bytes_max())),
             whose(own.has_stored_bytes_max()), FormatBytes(tenant.stored_bytes())});
  table.Add({"queued jobs",
             limit(holds.has_queued_jobs_max(), absl::StrCat(holds.queued_jobs_max())),
             whose(own.has_queued_jobs_max()), absl::StrCat(tenant.queued_jobs())});
  table.Add({"running jobs",
             limit(holds.has_running_jobs_max(), absl::StrCat(holds.running_jobs_max())),
             whose(own.has_running_jobs_max()), absl::StrCat(tenant.running_jobs())});
  table.Add({"calls per second",
             limit(holds.has_calls_per_second(), absl::StrCat(holds.calls_per_second())),
             whose(own.has_calls_per_second()), "-"});
  table.Add({"retention",
             tenant.has_retention() ? FormatSpan(ToDuration(tenant.retention())) : "the server's",
             whose(tenant.has_retention()), "-"});
  table.Add({"weight", absl::StrCat(tenant.weight()), "-", "-"});
  table.Print(invocation.env.out);
  return kExitOk;
}

absl::StatusOr<int> Get(Invocation& invocation, const std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(const v1::Tenant tenant,
                   invocation.client.GetTenant(NameOf(invocation, arguments)));
  return Print(invocation, tenant);
}

// Changes what the flags name: "default" takes back what was set.
absl::Status ApplyQuota(const ParsedFlags& flags, v1::Quota& quota) {
  if (flags.Get("stored-bytes-max") == kDefault) {
    quota.clear_stored_bytes_max();
  } else if (flags.Has("stored-bytes-max")) {
    ASSIGN_OR_RETURN(const int64_t bytes,
                     ParseBytes("stored-bytes-max", flags.Get("stored-bytes-max")));
    quota.set_stored_bytes_max(bytes);
  }
  if (flags.Get("queued-jobs-max") == kDefault) {
    quota.clear_queued_jobs_max();
  } else if (flags.Has("queued-jobs-max")) {
    ASSIGN_OR_RETURN(const int64_t jobs, flags.Integer("queued-jobs-max", 0, INT32_MAX, 0));
    quota.set_queued_jobs_max(static_cast<int32_t>(jobs));
  }
  if (flags.Get("running-jobs-max") == kDefault) {
    quota.clear_running_jobs_max();
  } else if (flags.Has("running-jobs-max")) {
    ASSIGN_OR_RETURN(const int64_t jobs, flags.Integer("running-jobs-max", 0, INT32_MAX, 0));
    quota.set_running_jobs_max(static_cast<int32_t>(jobs));
  }
  if (flags.Get("calls-per-second") == kDefault) {
    quota.clear_calls_per_second();
  } else if (flags.Has("calls-per-second")) {
    double calls = 0;
    if (!absl::SimpleAtod(flags.Get("calls-per-second"), &calls) || !(calls >= 0)) {
      return InvalidFlag("calls-per-second", "must be a number, 0 or more, or 'default'");
    }
    quota.set_calls_per_second(calls);
  }
  return absl::OkStatus();
}

absl::Status ApplyRest(const ParsedFlags& flags, v1::Tenant& tenant) {
  if (flags.Get("retention") == kDefault) {
    tenant.clear_retention();
  } else if (flags.Has("retention")) {
    ASSIGN_OR_RETURN(const absl::Duration retention,
                     ParseLongDuration("retention", flags.Get("retention")));
    tenant.mutable_retention()->set_seconds(absl::ToInt64Seconds(retention));
  }
  if (!flags.Has("weight")) return absl::OkStatus();
  double weight = 0;
  if (!absl::SimpleAtod(flags.Get("weight"), &weight)) {
    return InvalidFlag("weight", "must be a number greater than 0");
  }
  tenant.set_weight(weight);
  return absl::OkStatus();
}

absl::StatusOr<int> Set(Invocation& invocation, const std::vector<std::string>& arguments) {
  v1::UpdateTenantRequest request;
  ASSIGN_OR_RETURN(*request.mutable_tenant(),
                   invocation.client.GetTenant(NameOf(invocation, arguments)));
  RETURN_IF_ERROR(ApplyQuota(invocation.flags, *request.mutable_tenant()->mutable_quota()));
  RETURN_IF_ERROR(ApplyRest(invocation.flags, *request.mutable_tenant()));
  ASSIGN_OR_RETURN(const v1::Tenant tenant, invocation.client.UpdateTenant(request));
  return Print(invocation, tenant);
}

const Action kActions[] = {
    {.words = "tenant get",
     .arguments = "[TENANT]",
     .arguments_max = 1,
     .summary = "Limits of a tenant, and what of them is in use.",
     .run = Get},
    {.words = "tenant set",
     .arguments = "[TENANT]",
     .arguments_max = 1,
     .summary = "Change limits; 'default' as a value takes back what was set.",
     .flags = {"stored-bytes-max", "queued-jobs-max", "running-jobs-max", "calls-per-second",
               "retention", "weight"},
     .run = Set},
};

}  // namespace

std::span<const Action> TenantActions() { return kActions; }

}  // namespace quantd::admin
