#include "server/rpc/admin_service.h"

#include <cmath>
#include <utility>

#include "common/error.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "server/rpc/convert_admin.h"
#include "server/rpc/convert_time.h"
#include "server/rpc/paging.h"

namespace quantd {
namespace {

constexpr size_t kDescriptionBytesMax = 256;
constexpr double kWeightMax = 1e6;

absl::Time TimeFromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

absl::StatusOr<v1::CreateTokenResponse> AdminService::Create(
    const v1::CreateTokenRequest& request) {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenantOrEvery(request.parent()));
  ASSIGN_OR_RETURN(const Roles roles, RolesFromProto(request.token()));
  if (request.token().description().size() > kDescriptionBytesMax) {
    return InvalidField("INVALID_DESCRIPTION", "token.description", "is longer than 256 bytes");
  }
  std::optional<absl::Time> expire_time;
  if (request.token().has_expire_time()) {
    expire_time = TimeFromProto(request.token().expire_time());
  }
  ASSIGN_OR_RETURN(
      const NewToken made,
      parts_.tokens->Create(tenant, roles, request.token().description(), expire_time));
  v1::CreateTokenResponse response;
  *response.mutable_token() = ToProto(made.token);
  response.set_secret(made.secret);
  return response;
}

absl::StatusOr<v1::ListTokensResponse> AdminService::List(
    const v1::ListTokensRequest& request) const {
  ASSIGN_OR_RETURN(const std::string tenant, ParseTenantOrEvery(request.parent()));
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::optional<int64_t> before, ParsePageToken(request.page_token()));
  ASSIGN_OR_RETURN(std::vector<AccessToken> tokens,
                   parts_.tokens->List(tenant, before, page_size + 1));
  v1::ListTokensResponse response;
  if (tokens.size() > static_cast<size_t>(page_size)) {
    tokens.pop_back();
    response.set_next_page_token(MakePageToken(tokens.back().key));
  }
  for (const AccessToken& token : tokens) *response.add_tokens() = ToProto(token);
  return response;
}

absl::StatusOr<v1::Tenant> AdminService::Describe(const std::string& tenant) {
  ASSIGN_OR_RETURN(const Tenant found, parts_.tenants->Get(tenant));
  ASSIGN_OR_RETURN(const TenantLimits effective, parts_.tenants->Limits(tenant));
  v1::Tenant proto;
  proto.set_name("tenants/" + tenant);
  *proto.mutable_quota() = ToProto(found.limits);
  *proto.mutable_effective_quota() = ToProto(effective);
  proto.set_weight(found.weight);
  ASSIGN_OR_RETURN(const TenantUse use, parts_.queue->Use(tenant));
  proto.set_queued_jobs(static_cast<int32_t>(use.queued_jobs));
  proto.set_running_jobs(static_cast<int32_t>(use.running_jobs));
  proto.set_stored_bytes(parts_.blobs->Of(tenant)->StoredBytes());
  if (found.limits.retention) *proto.mutable_retention() = ToProto(*found.limits.retention);
  return proto;
}

absl::StatusOr<v1::ServerState> AdminService::State() const {
  v1::ServerState state;
  ASSIGN_OR_RETURN(const bool paused, parts_.tenants->Paused());
  state.set_paused(paused);
  state.set_version(kVersion);
  return state;
}

grpc::Status AdminService::CreateToken(grpc::ServerContext* context,
                                       const v1::CreateTokenRequest* request,
                                       v1::CreateTokenResponse* response) {
  return runner_->Unary(context, "AdminService/CreateToken", *request, response,
                        [&] { return Create(*request); });
}

grpc::Status AdminService::ListTokens(grpc::ServerContext* context,
                                      const v1::ListTokensRequest* request,
                                      v1::ListTokensResponse* response) {
  return runner_->Unary(context, "AdminService/ListTokens", *request, response,
                        [&] { return List(*request); });
}

grpc::Status AdminService::RotateToken(grpc::ServerContext* context,
                                       const v1::RotateTokenRequest* request,
                                       v1::CreateTokenResponse* response) {
  return runner_->Unary(context, "AdminService/RotateToken", *request, response,
                        [&]() -> absl::StatusOr<v1::CreateTokenResponse> {
                          ASSIGN_OR_RETURN(const TokenName name, ParseTokenName(request->name()));
                          ASSIGN_OR_RETURN(
                              const NewToken made,
                              parts_.tokens->Rotate(name, FromProto(request->overlap())));
                          v1::CreateTokenResponse rotated;
                          *rotated.mutable_token() = ToProto(made.token);
                          rotated.set_secret(made.secret);
                          return rotated;
                        });
}

grpc::Status AdminService::RevokeToken(grpc::ServerContext* context,
                                       const v1::RevokeTokenRequest* request, v1::Token* response) {
  return runner_->Unary(context, "AdminService/RevokeToken", *request, response,
                        [&]() -> absl::StatusOr<v1::Token> {
                          ASSIGN_OR_RETURN(const TokenName name, ParseTokenName(request->name()));
                          ASSIGN_OR_RETURN(const AccessToken token, parts_.tokens->Revoke(name));
                          return ToProto(token);
                        });
}

grpc::Status AdminService::GetTenant(grpc::ServerContext* context,
                                     const v1::GetTenantRequest* request, v1::Tenant* response) {
  return runner_->Unary(
      context, "AdminService/GetTenant", *request, response, [&]() -> absl::StatusOr<v1::Tenant> {
        ASSIGN_OR_RETURN(const std::string tenant, ParseTenant(request->name(), "name"));
        return Describe(tenant);
      });
}

grpc::Status AdminService::UpdateTenant(grpc::ServerContext* context,
                                        const v1::UpdateTenantRequest* request,
                                        v1::Tenant* response) {
  return runner_->Unary(context, "AdminService/UpdateTenant", *request, response,
                        [&]() -> absl::StatusOr<v1::Tenant> {
                          const v1::Tenant& wanted = request->tenant();
                          ASSIGN_OR_RETURN(const std::string tenant,
                                           ParseTenant(wanted.name(), "tenant.name"));
                          ASSIGN_OR_RETURN(const TenantLimits limits, LimitsFromProto(wanted));
                          const double weight = wanted.has_weight() ? wanted.weight() : 1;
                          if (!(weight > 0) || weight > kWeightMax) {
                            return InvalidField("INVALID_WEIGHT", "tenant.weight",
                                                "must be greater than 0 and at most 1,000,000");
                          }
                          RETURN_IF_ERROR(parts_.tenants->Set(tenant, limits, weight).status());
                          return Describe(tenant);
                        });
}

grpc::Status AdminService::GetServerState(grpc::ServerContext* context,
                                          const v1::GetServerStateRequest* request,
                                          v1::ServerState* response) {
  return runner_->Unary(context, "AdminService/GetServerState", *request, response,
                        [&] { return State(); });
}

grpc::Status AdminService::SetPaused(grpc::ServerContext* context,
                                     const v1::SetPausedRequest* request,
                                     v1::ServerState* response) {
  return runner_->Unary(context, "AdminService/SetPaused", *request, response,
                        [&]() -> absl::StatusOr<v1::ServerState> {
                          RETURN_IF_ERROR(parts_.tenants->SetPaused(request->paused()));
                          return State();
                        });
}

grpc::Status AdminService::CollectGarbage(grpc::ServerContext* context,
                                          const v1::CollectGarbageRequest* request,
                                          v1::CollectGarbageResponse* response) {
  return runner_->Unary(context, "AdminService/CollectGarbage", *request, response,
                        [&]() -> absl::StatusOr<v1::CollectGarbageResponse> {
                          const absl::Duration grace = FromProto(request->grace());
                          if (grace < absl::ZeroDuration()) {
                            return InvalidField("INVALID_GRACE", "grace", "must not be negative");
                          }
                          ASSIGN_OR_RETURN(const GarbageReport report,
                                           request->has_grace() ? parts_.garbage->Collect(grace)
                                                                : parts_.garbage->Collect());
                          v1::CollectGarbageResponse removed;
                          removed.set_removed_jobs(report.removed_jobs);
                          removed.set_removed_artifacts(report.removed_artifacts);
                          removed.set_removed_blobs(report.removed_blobs);
                          removed.set_removed_bytes(report.removed_bytes);
                          removed.set_removed_uploads(report.removed_uploads);
                          return removed;
                        });
}

}  // namespace quantd
