// The power fails right before and right after every operation with which the SQLite store changes
// its disk. Whatever of the unsynced data survives: the database opens, holds what was acknowledged
// and nothing of what was not, apart from the transaction under way, whole; and work goes on.
#include <string>

#include "gtest/gtest.h"
#include "tests/crash_points/job_store/store_run.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::CheckRecovery;
using testing::ExpectedContents;
using testing::Fault;
using testing::RunUntilError;
using testing::StoreRun;

// Points are dealt to this many test cases, which ctest runs side by side.
constexpr int kShards = 4;
constexpr uint64_t kSeedsPerPoint = 3;

TEST(StoreScenarioTest, RunsUndisturbedAndLosesNothingInAPowerFailureAtTheEnd) {
  const StoreRun run = RunUntilError({});
  ASSERT_OK(run.status);
  ASSERT_EQ(run.acknowledged + 1, ExpectedContents().size());
  for (const testing::StoreContent& content : ExpectedContents()) {
    EXPECT_EQ(BrokenInvariants(content), "");
  }
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(CheckRecovery(run, seed), "");
  RecordProperty("operations", static_cast<int>(run.changes));
  RecordProperty("transactions", static_cast<int>(run.acknowledged));
}

class StoreCrash : public ::testing::TestWithParam<int> {};

TEST_P(StoreCrash, LosesNothingThatWasAcknowledged) {
  const StoreRun undisturbed = RunUntilError({});
  ASSERT_OK(undisturbed.status);
  int recoveries = 0;
  for (int64_t point = GetParam(); point < undisturbed.changes; point += kShards) {
    for (const Fault fault : {Fault::kCrashBefore, Fault::kCrashAfter}) {
      const StoreRun run = RunUntilError({{.fault = fault, .from = point}});
      ASSERT_NE(run.log, "") << "point " << point;
      for (uint64_t seed = 0; seed < kSeedsPerPoint; ++seed) {
        const std::string problem = CheckRecovery(run, static_cast<uint64_t>(point) * 16 + seed);
        ASSERT_EQ(problem, "") << run.log << ", seed " << point * 16 + static_cast<int64_t>(seed)
                               << ", acknowledged " << run.acknowledged;
        ++recoveries;
      }
    }
  }
  RecordProperty("recoveries", recoveries);
}

INSTANTIATE_TEST_SUITE_P(AllPoints, StoreCrash, ::testing::Range(0, kShards),
                         [](const auto& shard) { return "Shard" + std::to_string(shard.param); });

// A disk that says that it has synced, and has not, is one that the checks above must find out.
TEST(StoreCheckerTest, FindsOutThatSyncsAreLost) {
  const StoreRun run =
      RunUntilError({{.fault = Fault::kLostSync, .count = testing::kForEver, .operation = "sync"}});
  ASSERT_OK(run.status);
  int found = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) found += CheckRecovery(run, seed).empty() ? 0 : 1;
  EXPECT_GE(found, 5);
}

TEST(StoreCheckerTest, FindsOutThatSyncsOfTheFolderAreLost) {
  const StoreRun run = RunUntilError(
      {{.fault = Fault::kLostSync, .count = testing::kForEver, .operation = "sync folder"}});
  ASSERT_OK(run.status);
  int found = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) found += CheckRecovery(run, seed).empty() ? 0 : 1;
  EXPECT_GE(found, 5);
}

TEST(StoreCheckerTest, FindsBrokenInvariants) {
  testing::StoreContent content = ExpectedContents().back();
  const auto broken = [&](auto&& breaks) {
    testing::StoreContent copy = content;
    breaks(copy);
    return BrokenInvariants(copy);
  };
  EXPECT_NE(broken([](auto& c) { c.jobs[0].events.pop_back(); }), "");
  EXPECT_NE(broken([](auto& c) { c.jobs[0].events.erase(c.jobs[0].events.begin()); }), "");
  EXPECT_NE(broken([](auto& c) { c.jobs[0].job.state = JobState::kRunning; }), "");
  EXPECT_NE(broken([](auto& c) { c.jobs[0].spec.clear(); }), "");
  EXPECT_NE(broken([](auto& c) {
              for (auto& stored : c.jobs) stored.job.lease.token = 7;
            }),
            "");
}

}  // namespace
}  // namespace quantd
