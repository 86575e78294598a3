#include "server/rpc/job_filter.h"

#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::NamesField;
using ::testing::Pair;
using testing::StatusIs;

JobQuery Parse(const std::string& filter, const std::string& order_by = "") {
  const absl::StatusOr<JobQuery> query = ParseJobQuery("team", filter, order_by);
  EXPECT_OK(query);
  return query.ok() ? *query : JobQuery();
}

TEST(JobFilter, NothingAskedForIsEveryJobOfTheTenantNewestFirst) {
  for (const std::string filter : {"", "  "}) {
    const JobQuery query = Parse(filter);
    EXPECT_EQ(query.tenant, "team");
    EXPECT_FALSE(query.state || query.display_name || query.after_key);
    EXPECT_TRUE(query.labels.empty());
    EXPECT_TRUE(query.newest_first);
  }
}

TEST(JobFilter, EveryFieldIsUnderstood) {
  const JobQuery query =
      Parse("state=SUCCEEDED AND labels.team=vision AND display_name=nightly AND labels.a.b=c=d");
  EXPECT_EQ(query.state, JobState::kSucceeded);
  EXPECT_EQ(query.display_name, "nightly");
  EXPECT_THAT(query.labels, ElementsAre(Pair("a.b", "c=d"), Pair("team", "vision")));
}

TEST(JobFilter, EveryStateIsUnderstood) {
  EXPECT_EQ(Parse("state=QUEUED").state, JobState::kQueued);
  EXPECT_EQ(Parse("state=RUNNING").state, JobState::kRunning);
  EXPECT_EQ(Parse("state=FAILED").state, JobState::kFailed);
  EXPECT_EQ(Parse("state=CANCELLED").state, JobState::kCancelled);
  EXPECT_EQ(Parse("state=DEAD_LETTERED").state, JobState::kDeadLettered);
}

TEST(JobFilter, QuotesHoldAValueTogether) {
  EXPECT_EQ(Parse("display_name=\"my AND job\"").display_name, "my AND job");
  EXPECT_EQ(Parse("display_name=\"\"").display_name, "");
  EXPECT_EQ(Parse("display_name=\" x \" AND state=QUEUED").display_name, " x ");
}

TEST(JobFilter, SpacesAroundTermsAreFree) {
  const JobQuery query = Parse("  state = QUEUED  AND  display_name = a b ");
  EXPECT_EQ(query.state, JobState::kQueued);
  EXPECT_EQ(query.display_name, "a b");
}

TEST(JobFilter, AnEmptyValueMatchesAnEmptyLabel) {
  EXPECT_THAT(Parse("labels.team=").labels, ElementsAre(Pair("team", "")));
}

TEST(JobFilter, WhatIsNotUnderstoodIsRefusedWithAnExample) {
  for (const std::string filter :
       {"SUCCEEDED", "state", "state=succeeded", "state=STATE_UNSPECIFIED",
        "state=", "state=QUEUED AND state=FAILED", "display_name=a AND display_name=b",
        "labels.a=1 AND labels.a=2", "labels.=1", "labels=1", "name=x", "=x", "state=QUEUED AND ",
        " AND state=QUEUED", "state=QUEUED AND AND state=QUEUED",
        "display_name=\"a AND state=QUEUED", "display_name=a\"b", "display_name=\"a\"b\""}) {
    SCOPED_TRACE(filter);
    const auto refused = ParseJobQuery("team", filter, "");
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument,
                                  ::testing::HasSubstr("state=SUCCEEDED")));
    EXPECT_THAT(refused, HasReason("INVALID_FILTER"));
    EXPECT_THAT(refused, NamesField("filter"));
  }
}

TEST(JobFilter, ItsLengthIsBounded) {
  const std::string longest = "display_name=" + std::string(4096 - 13, 'x');
  EXPECT_OK(ParseJobQuery("team", longest, ""));
  EXPECT_THAT(ParseJobQuery("team", longest + "x", ""), HasReason("INVALID_FILTER"));
}

TEST(JobFilter, OrderIsByCreationEitherWay) {
  EXPECT_FALSE(Parse("", "create_time").newest_first);
  EXPECT_TRUE(Parse("", "create_time desc").newest_first);
  for (const std::string order : {"create_time asc", "state", "desc", "create_time, state"}) {
    EXPECT_THAT(ParseJobQuery("team", "", order), HasReason("INVALID_ORDER"));
    EXPECT_THAT(ParseJobQuery("team", "", order), NamesField("order_by"));
  }
}

}  // namespace
}  // namespace quantd
