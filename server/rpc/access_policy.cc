#include "server/rpc/access_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/error.h"
#include "common/status_macros.h"
#include "quantd/v1/access.pb.h"
#include "server/core/errors.h"
#include "server/core/names.h"

namespace quantd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

absl::StatusOr<std::vector<const FieldDescriptor*>> PathOf(const MethodDescriptor& method,
                                                           const std::string& text) {
  std::vector<const FieldDescriptor*> path;
  const google::protobuf::Descriptor* type = method.input_type();
  for (const absl::string_view name : absl::StrSplit(text, '.')) {
    const FieldDescriptor* field =
        type == nullptr ? nullptr : type->FindFieldByName(std::string(name));
    if (field == nullptr || field->is_repeated()) {
      return absl::InternalError(absl::StrCat(method.full_name(), ": its request has no field '",
                                              text, "' that its access option names"));
    }
    path.push_back(field);
    type = field->message_type();
  }
  if (path.back()->type() != FieldDescriptor::TYPE_STRING) {
    return absl::InternalError(absl::StrCat(method.full_name(), ": '", text, "' is no text"));
  }
  return path;
}

absl::StatusOr<AccessPolicy::Rule> RuleFrom(const MethodDescriptor& method) {
  const v1::Access& access = method.options().GetExtension(v1::access);
  AccessPolicy::Rule rule{.server_wide = access.server_wide(), .audited = access.audited()};
  for (const int role : access.roles()) {
    if (role == v1::ROLE_UNSPECIFIED) continue;
    rule.roles.Add(static_cast<Role>(role - v1::READ));
  }
  if (rule.roles.empty()) {
    return absl::InternalError(absl::StrCat(
        method.full_name(), " does not say who may call it: give it an access option"));
  }
  for (const std::string& resource : access.resources()) {
    ASSIGN_OR_RETURN(auto path, PathOf(method, resource));
    rule.resources.push_back(std::move(path));
  }
  return rule;
}

std::string TextAt(const Message& request, const std::vector<const FieldDescriptor*>& path) {
  const Message* message = &request;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    message = &message->GetReflection()->GetMessage(*message, path[i]);
  }
  return message->GetReflection()->GetString(*message, path.back());
}

// "tenants/t/..." -> "t".
absl::StatusOr<std::string> TenantOf(const std::string& resource, const std::string& field) {
  const std::vector<absl::string_view> parts = absl::StrSplit(resource, absl::MaxSplits('/', 2));
  if (parts.size() < 2) return ParseTenantOrEvery(resource, field);
  return ParseTenantOrEvery(absl::StrCat(parts[0], "/", parts[1]), field);
}

}  // namespace

absl::StatusOr<AccessPolicy> AccessPolicy::Make(
    const std::vector<const ServiceDescriptor*>& services) {
  AccessPolicy policy;
  for (const ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor& method = *service->method(i);
      ASSIGN_OR_RETURN(policy.rules_[absl::StrCat(service->name(), "/", method.name())],
                       RuleFrom(method));
    }
  }
  return policy;
}

const AccessPolicy::Rule& AccessPolicy::RuleOf(const std::string& method) const {
  const auto found = rules_.find(method);
  QUANTD_CHECK(found != rules_.end());
  return found->second;
}

std::vector<std::string> AccessPolicy::ResourcesOf(const Rule& rule, const Message& request) {
  std::vector<std::string> resources;
  for (const auto& path : rule.resources) resources.push_back(TextAt(request, path));
  return resources;
}

absl::StatusOr<std::vector<std::string>> AccessPolicy::TenantsOf(const Rule& rule,
                                                                 const Message& request) {
  std::vector<std::string> tenants;
  for (const auto& path : rule.resources) {
    ASSIGN_OR_RETURN(std::string tenant, TenantOf(TextAt(request, path), path.back()->name()));
    tenants.push_back(std::move(tenant));
  }
  return tenants;
}

absl::Status AccessPolicy::Check(const Rule& rule, const Caller& caller,
                                 const std::vector<std::string>& tenants) {
  const bool role = caller.roles.HasAnyOf(rule.roles);
  const bool wide = !rule.server_wide || caller.tenant == kEveryTenant;
  const bool tenant = std::all_of(tenants.begin(), tenants.end(),
                                  [&](const std::string& one) { return caller.MayActFor(one); });
  return role && wide && tenant ? absl::OkStatus() : errors::PermissionDenied();
}

}  // namespace quantd
