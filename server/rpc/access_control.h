// Everything that stands between a call and its handler: who calls, whether they may, whether they
// call too often; and the line about it in the audit log. Thread-safe.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "server/auth/audit_log.h"
#include "server/auth/rate_limiter.h"
#include "server/core/tenant_registry.h"
#include "server/core/token_registry.h"
#include "server/rpc/access_policy.h"
#include "server/rpc/open_calls.h"

namespace quantd {

// One call on its way through. Not thread-safe.
struct CallRecord {
  std::string method;  // "JobService/CreateJob".
  std::string peer;
  Caller caller;                       // Without a name until somebody was recognized.
  std::vector<std::string> resources;  // As the request names them.
};

class AccessControl {
 public:
  // Borrowed. Without `tokens` nobody is asked who they are, and everybody may do everything.
  // Without `audit` nothing is recorded.
  struct Parts {
    const TokenRegistry* tokens = nullptr;
    TenantRegistry* tenants = nullptr;
    AuditLog* audit = nullptr;
    const Clock* clock = nullptr;
  };

  AccessControl(AccessPolicy policy, const Parts& parts)
      : policy_(std::move(policy)), parts_(parts), limiter_(parts.clock) {}

  // The bearer token that came with a call; empty when there is none.
  static std::string SecretOf(const grpc::ServerContext& context);

  // Recognizes the caller by that secret. UNAUTHENTICATED; the record is unchanged then.
  absl::Status Identify(const std::string& secret, CallRecord& record) const;

  // Whose calls at once the recognized caller's is one of. Workers are apart: their leases must not
  // end because clients are busy.
  CallGroup CountedWith(const CallRecord& record) const;

  // Whether the recognized caller may make this call now.
  //
  // Errors: INVALID_ARGUMENT    the request does not name its tenant.
  //         PERMISSION_DENIED   see AccessPolicy::Check().
  //         RESOURCE_EXHAUSTED  reason RATE_LIMITED; not for workers.
  //         UNAVAILABLE         reason AUDIT_UNAVAILABLE: what must be recorded cannot be.
  absl::Status Admit(const google::protobuf::Message& request, CallRecord& record);

  // Records what came of a call, if that is to be recorded: calls of audited methods, and whatever
  // was refused for want of rights.
  void Record(const CallRecord& record, const absl::Status& status);

 private:
  absl::Status CheckRate(const AccessPolicy::Rule& rule, const CallRecord& record,
                         const std::vector<std::string>& tenants);
  absl::Status CheckAudit();

  const AccessPolicy policy_;
  const Parts parts_;
  RateLimiter limiter_;
  std::atomic<int64_t> refusals_left_out_ = 0;
  std::atomic<bool> audit_failed_ = false;
};

}  // namespace quantd
