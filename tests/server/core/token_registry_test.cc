#include "server/core/token_registry.h"

#include "common/digest.h"
#include "gmock/gmock.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sequential_ids.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::Each;
using ::testing::SizeIs;
using testing::HasReason;
using testing::StatusIs;

class TokenRegistryTest : public ::testing::Test {
 protected:
  NewToken Create(std::optional<absl::Time> expire = std::nullopt) {
    return registry_.Create("team", {Role::kSubmit, Role::kRead}, "CI", expire).value();
  }

  testing::FakeClock clock_;
  testing::SequentialIds ids_;
  MemoryJobStore store_;
  TokenRegistry registry_{&store_, &clock_, &ids_};
};

TEST_F(TokenRegistryTest, ASecretIsRecognizedAndKeptAsAHashOnly) {
  const NewToken made = Create();
  ASSERT_OK_AND_ASSIGN(const Caller caller, registry_.Authenticate(made.secret));
  EXPECT_EQ(caller.name, "tenants/team/tokens/id-000001");
  EXPECT_EQ(caller.tenant, "team");
  EXPECT_EQ(caller.roles, (Roles{Role::kRead, Role::kSubmit}));
  EXPECT_EQ(made.token.secret_hash, Sha256Hex(made.secret));
  ASSERT_OK_AND_ASSIGN(const auto kept, registry_.List("team", std::nullopt, 10));
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].secret_hash, made.token.secret_hash);
}

TEST_F(TokenRegistryTest, EveryWrongSecretGetsTheSameAnswer) {
  const NewToken made = Create();
  const NewToken revoked = Create();
  ASSERT_OK(registry_.Revoke(revoked.token.name).status());
  const NewToken expired = Create(clock_.Now() + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));
  std::string other_digit = made.secret;
  other_digit.back() = other_digit.back() == '0' ? '1' : '0';
  std::vector<std::string> answers;
  for (const std::string& secret :
       {std::string(), std::string("x"), made.secret + "0", other_digit, MakeSecret("id-999999"),
        revoked.secret, expired.secret, made.secret.substr(0, 20),
        std::string("quantd__") + std::string(64, 'a')}) {
    const absl::Status status = registry_.Authenticate(secret).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated)) << secret;
    answers.push_back(status.ToString());
  }
  EXPECT_THAT(answers, Each(answers[0]));
}

TEST_F(TokenRegistryTest, RotationTakesBothSecretsUntilTheOverlapEnds) {
  const NewToken old = Create();
  ASSERT_OK_AND_ASSIGN(const NewToken rotated,
                       registry_.Rotate(old.token.name, absl::Minutes(5)));
  EXPECT_NE(rotated.secret, old.secret);
  EXPECT_OK(registry_.Authenticate(old.secret));
  clock_.Advance(absl::Minutes(5));
  EXPECT_THAT(registry_.Authenticate(old.secret), HasReason("UNAUTHENTICATED"));
  EXPECT_OK(registry_.Authenticate(rotated.secret));
  ASSERT_OK(registry_.Rotate(old.token.name, absl::ZeroDuration()).status());
  EXPECT_THAT(registry_.Authenticate(rotated.secret), HasReason("UNAUTHENTICATED"));
}

TEST_F(TokenRegistryTest, ARevokedOrExpiredTokenStaysSo) {
  const NewToken made = Create(clock_.Now() + absl::Hours(1));
  const absl::Time when = clock_.Now();
  ASSERT_OK(registry_.Revoke(made.token.name).status());
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK_AND_ASSIGN(const AccessToken again, registry_.Revoke(made.token.name));
  EXPECT_EQ(again.revoke_time, when);
  EXPECT_THAT(registry_.Rotate(made.token.name, absl::ZeroDuration()), HasReason("TOKEN_REVOKED"));
  const NewToken other = Create(clock_.Now() + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(registry_.Rotate(other.token.name, absl::ZeroDuration()), HasReason("TOKEN_EXPIRED"));
}

TEST_F(TokenRegistryTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(registry_.Create("team", {}, "", std::nullopt), HasReason("INVALID_ROLES"));
  EXPECT_THAT(registry_.Create("team", {Role::kRead}, "", clock_.Now()),
              HasReason("INVALID_EXPIRY"));
  EXPECT_THAT(registry_.Revoke({"team", "nobody"}), HasReason("TOKEN_NOT_FOUND"));
  const NewToken made = Create();
  EXPECT_THAT(registry_.Revoke({"others", made.token.name.token}), HasReason("TOKEN_NOT_FOUND"));
  EXPECT_THAT(registry_.Rotate(made.token.name, TokenRegistry::kOverlapMax + absl::Seconds(1)),
              HasReason("INVALID_OVERLAP"));
}

TEST_F(TokenRegistryTest, AFixedSecretIsInNoStore) {
  const std::string secret = MakeSecret("operator");
  EXPECT_THAT(registry_.Authenticate(secret), HasReason("UNAUTHENTICATED"));
  registry_.AddFixed(secret, {.name = "operator", .roles = {Role::kAdmin}});
  ASSERT_OK_AND_ASSIGN(const Caller caller, registry_.Authenticate(secret));
  EXPECT_EQ(caller.name, "operator");
  EXPECT_TRUE(caller.MayActFor("team"));
  EXPECT_THAT(registry_.Authenticate(MakeSecret("operator")), HasReason("UNAUTHENTICATED"));
}

TEST(Secrets, NeverRepeatAndTellTheirId) {
  EXPECT_NE(MakeSecret("a"), MakeSecret("a"));
  EXPECT_EQ(IdOfSecret(MakeSecret("01abc")), "01abc");
  EXPECT_EQ(IdOfSecret("quantd_a_b"), std::nullopt);
}

}  // namespace
}  // namespace quantd
