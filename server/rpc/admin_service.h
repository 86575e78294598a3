// quantd.v1.AdminService: tokens, tenants and the server itself. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "quantd/v1/admin.grpc.pb.h"
#include "server/core/blob_store.h"
#include "server/core/garbage_collector.h"
#include "server/core/job_queue.h"
#include "server/core/tenant_registry.h"
#include "server/core/token_registry.h"
#include "server/rpc/call_runner.h"

namespace quantd {

class AdminService final : public v1::AdminService::Service {
 public:
  // Everything is borrowed.
  struct Parts {
    const CallRunner* runner;
    TokenRegistry* tokens;
    TenantRegistry* tenants;
    const JobQueue* queue;
    BlobStores* blobs;
    GarbageCollector* garbage;
  };

  explicit AdminService(const Parts& parts) : parts_(parts), runner_(parts.runner) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RotateToken(grpc::ServerContext* context, const v1::RotateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::Token* response) override;
  grpc::Status GetTenant(grpc::ServerContext* context, const v1::GetTenantRequest* request,
                         v1::Tenant* response) override;
  grpc::Status UpdateTenant(grpc::ServerContext* context, const v1::UpdateTenantRequest* request,
                            v1::Tenant* response) override;
  grpc::Status GetServerState(grpc::ServerContext* context,
                              const v1::GetServerStateRequest* request,
                              v1::ServerState* response) override;
  grpc::Status SetPaused(grpc::ServerContext* context, const v1::SetPausedRequest* request,
                         v1::ServerState* response) override;
  grpc::Status CollectGarbage(grpc::ServerContext* context,
                              const v1::CollectGarbageRequest* request,
                              v1::CollectGarbageResponse* response) override;

 private:
  absl::StatusOr<v1::CreateTokenResponse> Create(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> List(const v1::ListTokensRequest& request) const;
  absl::StatusOr<v1::Tenant> Describe(const std::string& tenant);
  absl::StatusOr<v1::ServerState> State() const;

  const Parts parts_;
  const CallRunner* const runner_;
};

}  // namespace quantd
