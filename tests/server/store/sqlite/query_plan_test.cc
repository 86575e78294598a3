// However many jobs there are, the queries of the queue search an index. The plans are SQLite's
// own.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/sqlite_artifacts.h"
#include "server/store/sqlite/sqlite_events.h"
#include "server/store/sqlite/sqlite_jobs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

class QueryPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *Database::Open(folder_.path() + "/quantd.db");
    ASSERT_OK(Migrate(*database_));
    ASSERT_OK(database_->Execute("BEGIN"));
    SqliteJobTable jobs = Jobs();
    for (int i = 0; i < 2000; ++i) {
      Job job;
      job.name = {absl::StrCat("t", i / 6 % 3), absl::StrCat(i)};
      job.state = static_cast<JobState>(i % 6);
      job.traits.work_digest = absl::StrCat(i % 100);
      job.traits.requirements = {absl::StrCat("preset:", i / 18 % 4)};
      ASSERT_OK(jobs.Insert(job, "spec").status());
    }
    ASSERT_OK(database_->Execute("COMMIT"));
    before_ = database_->prepared_sql();
  }

  // The plans of the statements that were prepared since SetUp(), one a line.
  std::string Plans() {
    std::string plans;
    for (const std::string& sql : database_->prepared_sql()) {
      if (std::find(before_.begin(), before_.end(), sql) != before_.end() ||
          absl::StartsWith(sql, "EXPLAIN")) {
        continue;
      }
      absl::StatusOr<Statement> plan = database_->Prepare("EXPLAIN QUERY PLAN " + sql);
      EXPECT_OK(plan) << sql;
      while (plan->Step().value()) absl::StrAppend(&plans, plan->Text(3), "\n");
    }
    return plans;
  }

  // No table is walked, and nothing is sorted by hand.
  void ExpectSearches(const std::string& index) {
    const std::string plans = Plans();
    EXPECT_TRUE(absl::StrContains(plans, index)) << plans;
    EXPECT_FALSE(absl::StrContains(plans, "SCAN jobs")) << plans;
    EXPECT_FALSE(absl::StrContains(plans, "SCAN twin")) << plans;
    EXPECT_FALSE(absl::StrContains(plans, "TEMP B-TREE")) << plans;
  }

  SqliteJobTable Jobs() { return SqliteJobTable(*database_, damaged_); }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
  DamagedJobs damaged_;
  std::vector<std::string> before_;
};

TEST_F(QueryPlanTest, NextQueuedWalksTheQueueInOrder) {
  ASSERT_OK(Jobs().NextQueued({"preset:0"}, "t0", absl::Now()).status());
  ExpectSearches("USING INDEX jobs_queue (requirements=? AND tenant=?)");
  EXPECT_TRUE(absl::StrContains(Plans(), "jobs_work_live (tenant=? AND work_digest=? AND state=?)"))
      << Plans();
}

TEST_F(QueryPlanTest, QueuedRequirementsJumpsFromValueToValue) {
  EXPECT_EQ(Jobs().QueuedRequirements()->size(), 4u);
  ExpectSearches("jobs_queue (requirements>?)");
}

TEST_F(QueryPlanTest, QueuedTenantsJumpsFromTenantToTenant) {
  EXPECT_EQ(Jobs().QueuedTenants({"preset:0"})->size(), 3u);
  ExpectSearches("USING INDEX jobs_queue (requirements=? AND tenant>?)");
}

TEST_F(QueryPlanTest, WhatIsDueIsARangeOfTwoIndexes) {
  ASSERT_OK(Jobs().AnythingDue(absl::Now()).status());
  ExpectSearches("USING INDEX jobs_leases (lease_expire<?)");
  ExpectSearches("USING INDEX jobs_overdue (queue_deadline<?)");
}

TEST_F(QueryPlanTest, UseIsCountedInTheIndexOfStates) {
  ASSERT_OK(Jobs().RunningByTenant().status());
  ExpectSearches("COVERING INDEX jobs_state (state=?)");
  ASSERT_OK(Jobs().CountOf("t0", JobState::kQueued).status());
  ExpectSearches("COVERING INDEX jobs_state (state=? AND tenant=?)");
}

TEST_F(QueryPlanTest, LeasesAndDeadlinesAreRangesOfTheirIndexes) {
  ASSERT_OK(Jobs().ExpiredLeases(absl::Now(), 10).status());
  ExpectSearches("jobs_leases (lease_expire<?)");
  ASSERT_OK(Jobs().OverdueQueued(absl::Now(), 10).status());
  ExpectSearches("jobs_overdue (queue_deadline<?)");
}

TEST_F(QueryPlanTest, EqualWorkIsFoundByItsDigest) {
  ASSERT_OK(Jobs().QueuedWork("t0", "7", 10).status());
  ExpectSearches("jobs_work_live (tenant=? AND work_digest=? AND state=?)");
  ASSERT_OK(Jobs().FinishedWork("t0", "7", "1").status());
  ExpectSearches("jobs_work_done (tenant=? AND work_digest=? AND engine_version=?)");
}

TEST_F(QueryPlanTest, NamesRequestsAndListsUseTheirIndexes) {
  ASSERT_OK(Jobs().FindByRequestId("t0", "r").status());
  ExpectSearches("jobs_request (tenant=? AND request_id=?)");
  ASSERT_OK(Jobs().List({.tenant = "t0"}).status());
  ASSERT_OK(Jobs().List({.tenant = "t0", .newest_first = false}).status());
  ExpectSearches("jobs_list (tenant=? AND key");
  ASSERT_OK(Jobs().List({.tenant = "t0", .state = JobState::kFailed}).status());
  ExpectSearches("jobs_state (state=? AND tenant=? AND key<?)");
}

TEST_F(QueryPlanTest, CountingReadsAnIndexAlone) {
  ASSERT_OK(Jobs().Count().status());
  EXPECT_TRUE(absl::StrContains(Plans(), "USING COVERING INDEX jobs_state")) << Plans();
}

TEST_F(QueryPlanTest, EventsAndArtifactsAreSearched) {
  ASSERT_OK(SqliteEventTable(*database_).Read(1, 0, 10).status());
  ASSERT_OK(SqliteArtifactTable(*database_).List("t0", std::nullopt, 10).status());
  const std::string plans = Plans();
  EXPECT_TRUE(absl::StrContains(plans, "(job_key=? AND sequence>?)")) << plans;
  EXPECT_TRUE(absl::StrContains(plans, "artifacts_list (tenant=? AND key<?)")) << plans;
}

}  // namespace
}  // namespace quantd
