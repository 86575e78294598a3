// Who may call what, read from the `access` options of the services' descriptors: the one place
// where tenants and roles are checked. Thread-safe once made.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/access.h"

namespace quantd {

class AccessPolicy {
 public:
  struct Rule {
    Roles roles;  // Any of them is enough.
    // The request's fields that name a tenant or something of one, each a path of singular fields.
    std::vector<std::vector<const google::protobuf::FieldDescriptor*>> resources;
    bool server_wide = false;
    bool audited = false;
  };

  // INTERNAL for a method without the option, without roles, or whose option names a field that the
  // request does not have: such a server must not start.
  static absl::StatusOr<AccessPolicy> Make(
      const std::vector<const google::protobuf::ServiceDescriptor*>& services);

  // `method` is "JobService/CreateJob". REQUIRES: it is of the services.
  const Rule& RuleOf(const std::string& method) const;

  // What the request's resource fields hold, as they are.
  static std::vector<std::string> ResourcesOf(const Rule& rule,
                                              const google::protobuf::Message& request);

  // The tenants that the request concerns, kEveryTenant among them for "tenants/-".
  // INVALID_ARGUMENT, reason INVALID_NAME, for a resource that names none.
  static absl::StatusOr<std::vector<std::string>> TenantsOf(
      const Rule& rule, const google::protobuf::Message& request);

  // Whether `caller` may make a call that concerns `tenants`. PERMISSION_DENIED with one and the
  // same answer, whatever it is that is missing and whether or not the resource exists.
  static absl::Status Check(const Rule& rule, const Caller& caller,
                            const std::vector<std::string>& tenants);

 private:
  std::map<std::string, Rule> rules_;
};

}  // namespace quantd
