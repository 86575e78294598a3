#include "quantd/v1/admin.grpc.pb.h"
#include "tests/server/rpc/running_server.h"

namespace quantd {
namespace {

using Stub = v1::AdminService::Stub;
using testing::HasReason;
using testing::NamesField;
using testing::RunningServer;

class AdminServiceTest : public testing::ServerTest {
 protected:
  v1::CreateTokenResponse Create(const std::string& parent = testing::kParent) {
    v1::CreateTokenRequest request;
    request.set_parent(parent);
    request.mutable_token()->add_roles(v1::SUBMIT);
    request.mutable_token()->set_description("CI");
    return RunningServer::Call(*admin_, &Stub::CreateToken, request).value();
  }

  absl::StatusOr<v1::Tenant> Update(const v1::Tenant& tenant) {
    v1::UpdateTenantRequest request;
    *request.mutable_tenant() = tenant;
    return RunningServer::Call(*admin_, &Stub::UpdateTenant, request);
  }

  std::unique_ptr<Stub> admin_ = v1::AdminService::NewStub(server_.channel);
};

TEST_F(AdminServiceTest, ATokensSecretIsToldOnce) {
  const v1::CreateTokenResponse made = Create();
  EXPECT_OK(server_.parts.tokens.Authenticate(made.secret()));
  EXPECT_EQ(made.token().description(), "CI");
  v1::ListTokensRequest request;
  request.set_parent(testing::kParent);
  ASSERT_OK_AND_ASSIGN(const auto list, RunningServer::Call(*admin_, &Stub::ListTokens, request));
  ASSERT_EQ(list.tokens_size(), 1);
  EXPECT_EQ(list.tokens(0).SerializeAsString(), made.token().SerializeAsString());
  const std::string all = list.SerializeAsString();
  EXPECT_EQ(all.find(made.secret().substr(made.secret().size() - 16)), std::string::npos);
}

TEST_F(AdminServiceTest, TokensComeInPagesOfTheirTenant) {
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) made.push_back(Create().token().name());
  Create("tenants/others");
  Create("tenants/-");
  v1::ListTokensRequest request;
  request.set_parent(testing::kParent);
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, RunningServer::Call(*admin_, &Stub::ListTokens, request));
    for (const v1::Token& token : page.tokens()) seen.push_back(token.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, (std::vector<std::string>{made[2], made[1], made[0]}));
}

TEST_F(AdminServiceTest, RotatingAndRevoking) {
  const v1::CreateTokenResponse made = Create();
  v1::RotateTokenRequest rotate;
  rotate.set_name(made.token().name());
  rotate.mutable_overlap()->set_seconds(60);
  ASSERT_OK_AND_ASSIGN(const auto rotated,
                       RunningServer::Call(*admin_, &Stub::RotateToken, rotate));
  EXPECT_OK(server_.parts.tokens.Authenticate(made.secret()));
  EXPECT_OK(server_.parts.tokens.Authenticate(rotated.secret()));
  EXPECT_TRUE(rotated.token().has_rotate_time());
  v1::RevokeTokenRequest revoke;
  revoke.set_name(made.token().name());
  ASSERT_OK_AND_ASSIGN(const auto revoked,
                       RunningServer::Call(*admin_, &Stub::RevokeToken, revoke));
  EXPECT_TRUE(revoked.has_revoke_time());
  EXPECT_THAT(server_.parts.tokens.Authenticate(rotated.secret()), HasReason("UNAUTHENTICATED"));
}

TEST_F(AdminServiceTest, WrongTokensAreToldByTheirField) {
  v1::CreateTokenRequest request;
  request.set_parent(testing::kParent);
  EXPECT_THAT(RunningServer::Call(*admin_, &Stub::CreateToken, request), NamesField("token.roles"));
  request.mutable_token()->add_roles(static_cast<v1::Role>(77));
  EXPECT_THAT(RunningServer::Call(*admin_, &Stub::CreateToken, request),
              NamesField("token.roles[0]"));
  request.mutable_token()->clear_roles();
  request.mutable_token()->add_roles(v1::READ);
  request.mutable_token()->set_description(std::string(257, 'x'));
  EXPECT_THAT(RunningServer::Call(*admin_, &Stub::CreateToken, request),
              NamesField("token.description"));
  request.mutable_token()->clear_description();
  request.mutable_token()->mutable_expire_time()->set_seconds(1);
  EXPECT_THAT(RunningServer::Call(*admin_, &Stub::CreateToken, request),
              NamesField("token.expire_time"));
}

TEST_F(AdminServiceTest, QuotasAreSetAndTakenBack) {
  v1::Tenant tenant;
  tenant.set_name(testing::kParent);
  tenant.mutable_quota()->set_queued_jobs_max(0);
  tenant.mutable_quota()->set_calls_per_second(0.5);
  tenant.set_weight(2);
  tenant.mutable_retention()->set_seconds(3600);
  ASSERT_OK_AND_ASSIGN(const v1::Tenant set, Update(tenant));
  EXPECT_EQ(set.quota().SerializeAsString(), tenant.quota().SerializeAsString());
  EXPECT_TRUE(set.effective_quota().has_queued_jobs_max());
  EXPECT_EQ(set.weight(), 2);
  EXPECT_EQ(set.retention().seconds(), 3600);
  v1::Tenant cleared;
  cleared.set_name(testing::kParent);
  ASSERT_OK_AND_ASSIGN(const v1::Tenant back, Update(cleared));
  EXPECT_FALSE(back.quota().has_queued_jobs_max());
  EXPECT_EQ(back.weight(), 1);
  EXPECT_FALSE(back.has_retention());
}

TEST_F(AdminServiceTest, ImpossibleQuotasAreToldTogether) {
  v1::Tenant tenant;
  tenant.set_name(testing::kParent);
  tenant.mutable_quota()->set_queued_jobs_max(-1);
  tenant.mutable_quota()->set_calls_per_second(std::nan(""));
  const auto refused = Update(tenant);
  EXPECT_THAT(refused, NamesField("tenant.quota.queued_jobs_max"));
  EXPECT_THAT(refused, NamesField("tenant.quota.calls_per_second"));
  tenant.clear_quota();
  for (const double weight : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    tenant.set_weight(weight);
    EXPECT_THAT(Update(tenant), NamesField("tenant.weight")) << weight;
  }
  tenant.clear_weight();
  tenant.mutable_retention();
  EXPECT_THAT(Update(tenant), NamesField("tenant.retention"));
}

TEST_F(AdminServiceTest, APausedServerSaysSo) {
  v1::SetPausedRequest request;
  for (const bool paused : {true, false}) {
    request.set_paused(paused);
    ASSERT_OK(RunningServer::Call(*admin_, &Stub::SetPaused, request));
    ASSERT_OK_AND_ASSIGN(
        const v1::ServerState state,
        RunningServer::Call(*admin_, &Stub::GetServerState, v1::GetServerStateRequest()));
    EXPECT_EQ(state.paused(), paused);
  }
}

TEST_F(AdminServiceTest, ATenantThatCallsTooOftenIsToldWhenToComeBack) {
  v1::Tenant tenant;
  tenant.set_name(testing::kParent);
  tenant.mutable_quota()->set_calls_per_second(0.2);  // A burst of two.
  ASSERT_OK(Update(tenant).status());
  v1::ListJobsRequest request;
  request.set_parent(testing::kParent);
  const auto list = [&] {
    return RunningServer::Call(*server_.jobs, &v1::JobService::Stub::ListJobs, request);
  };
  EXPECT_OK(list());
  EXPECT_OK(list());
  const absl::Status refused = list().status();
  EXPECT_THAT(refused, HasReason("RATE_LIMITED"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  const ErrorDetails details = GetErrorDetails(refused);
  EXPECT_EQ(details.retry_after, absl::Seconds(5));
  ASSERT_EQ(details.quotas.size(), 1u);
  EXPECT_EQ(details.quotas[0].subject, testing::kParent);
  clock_.Advance(absl::Seconds(5));
  EXPECT_OK(list());
  request.set_parent("tenants/others");
  EXPECT_OK(list());
}

}  // namespace
}  // namespace quantd
