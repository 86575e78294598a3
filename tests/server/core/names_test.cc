#include "server/core/names.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::IsOkAndHolds;
using testing::NamesField;
using testing::StatusIs;

template <typename T>
void ExpectRefused(const absl::StatusOr<T>& result, const std::string& field) {
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(result, HasReason("INVALID_NAME"));
  EXPECT_THAT(result, NamesField(field));
}

TEST(Names, AJobNameIsReadBackAsItWasWritten) {
  const JobName name{"vision-team", "01hf7yat00abcdefghjkmnpqrs"};
  EXPECT_EQ(name.ToString(), "tenants/vision-team/jobs/01hf7yat00abcdefghjkmnpqrs");
  EXPECT_THAT(ParseJobName(name.ToString()), IsOkAndHolds(name));
}

TEST(Names, AnArtifactNameIsReadBackAsItWasWritten) {
  const ArtifactName name{"a", "x-1"};
  EXPECT_EQ(name.ToString(), "tenants/a/artifacts/x-1");
  EXPECT_THAT(ParseArtifactName(name.ToString()), IsOkAndHolds(name));
}

TEST(Names, ATenantIsTheSecondPartOfItsName) {
  EXPECT_THAT(ParseTenant("tenants/vision"), IsOkAndHolds(std::string("vision")));
  EXPECT_THAT(ParseTenant("tenants/0"), IsOkAndHolds(std::string("0")));
}

TEST(Names, LengthsAreTakenUpToTheirLimitAndNotBeyond) {
  const std::string tenant(63, 't');
  const std::string id(64, 'j');
  EXPECT_OK(ParseTenant("tenants/" + tenant));
  EXPECT_OK(ParseJobName("tenants/" + tenant + "/jobs/" + id));
  ExpectRefused(ParseTenant("tenants/t" + tenant), "parent");
  ExpectRefused(ParseJobName("tenants/t" + tenant + "/jobs/" + id), "name");
  ExpectRefused(ParseJobName("tenants/" + tenant + "/jobs/j" + id), "name");
}

TEST(Names, WhatIsNoTenantIsRefused) {
  for (const std::string parent :
       {"", "tenants", "tenants/", "vision", "tenants/-a", "tenants/a-", "tenants/-", "tenants/A",
        "tenants/a_b", "tenants/a.b", "tenants/a/", "/tenants/a", "tenants//a", "tenants/a/jobs",
        "Tenants/a", "tenants/a b", "tenants/\xc3\xa4"}) {
    SCOPED_TRACE(parent);
    ExpectRefused(ParseTenant(parent), "parent");
  }
}

TEST(Names, WhatIsNoJobNameIsRefused) {
  for (const std::string name :
       {"", "tenants/a", "tenants/a/jobs", "tenants/a/jobs/", "tenants/a/artifacts/b",
        "tenants/a/jobs/b/c", "tenants/a/jobs/B", "tenants/a/jobs/b_c", "tenants/a/jobs/..",
        "tenants/-/jobs/b", "tenants//jobs/b", "/tenants/a/jobs/b", "tenants/a/jobs/b/",
        "tenants/a/Jobs/b"}) {
    SCOPED_TRACE(name);
    ExpectRefused(ParseJobName(name), "name");
  }
  ExpectRefused(ParseJobName(std::string("tenants/a/jobs/b\0", 17)), "name");
}

TEST(Names, AJobIsNoArtifact) { ExpectRefused(ParseArtifactName("tenants/a/jobs/b"), "name"); }

TEST(Names, OnlyTokensAndTheirParentsMayBelongToEveryTenant) {
  EXPECT_EQ(ParseTenantOrEvery("tenants/-").value(), kEveryTenant);
  EXPECT_EQ(ParseTenantOrEvery("tenants/a").value(), "a");
  ExpectRefused(ParseTenantOrEvery("tenants/--"), "parent");
  EXPECT_EQ(ParseTokenName("tenants/-/tokens/b").value(), (TokenName{"-", "b"}));
  EXPECT_EQ(ParseTokenName("tenants/a/tokens/b").value().ToString(), "tenants/a/tokens/b");
  for (const std::string name : {"tenants/-/jobs/b", "tenants/--/tokens/b", "tenants/-", ""}) {
    SCOPED_TRACE(name);
    ExpectRefused(ParseTokenName(name), "name");
  }
}

TEST(Names, TheErrorNamesTheFieldThatTheCallerSays) {
  ExpectRefused(ParseJobName("x", "baseline"), "baseline");
  ExpectRefused(ParseTenant("x", "request.parent"), "request.parent");
  ExpectRefused(ParseArtifactName("x", "artifact"), "artifact");
}

TEST(Names, AHostileNameIsQuotedShortAndPrintable) {
  const absl::Status status = ParseJobName("\x01" + std::string(100'000, 'x')).status();
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("\\x01"));
  EXPECT_LT(status.message().size(), 1000u);
}

}  // namespace
}  // namespace quantd
