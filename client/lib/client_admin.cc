// What operators do with tokens, tenants and the server.
#include "client/lib/client_internal.h"

namespace quantd {

absl::StatusOr<v1::CreateTokenResponse> Client::CreateToken(const v1::CreateTokenRequest& request) {
  return Call<v1::CreateTokenResponse>(&stubs_->admin, &v1::AdminService::Stub::CreateToken,
                                       request, false);
}

absl::StatusOr<v1::ListTokensResponse> Client::ListTokens(const v1::ListTokensRequest& request) {
  return Call<v1::ListTokensResponse>(&stubs_->admin, &v1::AdminService::Stub::ListTokens, request,
                                      true);
}

absl::StatusOr<v1::CreateTokenResponse> Client::RotateToken(const v1::RotateTokenRequest& request) {
  return Call<v1::CreateTokenResponse>(&stubs_->admin, &v1::AdminService::Stub::RotateToken,
                                       request, false);
}

absl::StatusOr<v1::Token> Client::RevokeToken(const std::string& name) {
  v1::RevokeTokenRequest request;
  request.set_name(name);
  return Call<v1::Token>(&stubs_->admin, &v1::AdminService::Stub::RevokeToken, request, true);
}

absl::StatusOr<v1::Tenant> Client::GetTenant(const std::string& name) {
  v1::GetTenantRequest request;
  request.set_name(name);
  return Call<v1::Tenant>(&stubs_->admin, &v1::AdminService::Stub::GetTenant, request, true);
}

absl::StatusOr<v1::Tenant> Client::UpdateTenant(const v1::UpdateTenantRequest& request) {
  return Call<v1::Tenant>(&stubs_->admin, &v1::AdminService::Stub::UpdateTenant, request, true);
}

absl::StatusOr<v1::ServerState> Client::GetServerState() {
  return Call<v1::ServerState>(&stubs_->admin, &v1::AdminService::Stub::GetServerState,
                               v1::GetServerStateRequest(), true);
}

absl::StatusOr<v1::ServerState> Client::SetPaused(bool paused) {
  v1::SetPausedRequest request;
  request.set_paused(paused);
  return Call<v1::ServerState>(&stubs_->admin, &v1::AdminService::Stub::SetPaused, request, true);
}

absl::StatusOr<v1::CollectGarbageResponse> Client::CollectGarbage(
    const v1::CollectGarbageRequest& request) {
  return Call<v1::CollectGarbageResponse>(&stubs_->admin, &v1::AdminService::Stub::CollectGarbage,
                                          request, true);
}

}  // namespace quantd
