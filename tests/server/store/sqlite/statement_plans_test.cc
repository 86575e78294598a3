// Every statement of the SQLite store, however it is asked for, searches an index: its cost does
// not grow with what has piled up. The plans are SQLite's own. query_plan_test.cc says which index
// it is for the queue's queries.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/store/sqlite/migrations.h"
#include "server/store/sqlite/sqlite_artifacts.h"
#include "server/store/sqlite/sqlite_catalogues.h"
#include "server/store/sqlite/sqlite_events.h"
#include "server/store/sqlite/sqlite_jobs.h"
#include "server/store/sqlite/sqlite_tenants.h"
#include "server/store/sqlite/sqlite_tokens.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

// A step of a plan that costs as much as there are rows, and why that is right there.
struct Exception {
  std::string sql;   // A part of the statement.
  std::string step;  // Of its plan.
  std::string why;
};

const std::vector<Exception>& Exceptions() {
  static const auto* const kExceptions = new std::vector<Exception>{
      {"SELECT state, count(*), min(key) FROM jobs GROUP BY state",
       "SCAN jobs USING COVERING INDEX jobs_state", "it counts all jobs, for the metrics"},
      {"SELECT DISTINCT digest FROM jobs JOIN job_inputs", "USE TEMP B-TREE FOR DISTINCT",
       "it returns all of them, for the garbage collector"},
      {"FROM jobs WHERE state = 'RUNNING' ORDER BY key", "USE TEMP B-TREE FOR ORDER BY",
       "no more jobs run than there are workers"},
      {"FROM catalogues ORDER BY", "SCAN catalogues", "a tenant has few rows"},
      {"FROM catalogues", "USE TEMP B-TREE FOR ORDER BY", "as above"}};
  return *kExceptions;
}

// Whether a step may walk or sort all rows of a table. Recursive queries walk their own few rows,
// and labels are those of one job.
bool GrowsWithRows(absl::string_view step) {
  if (absl::StartsWith(step, "USE TEMP B-TREE")) return true;
  const std::vector<absl::string_view> words = absl::StrSplit(step, ' ');
  const std::set<absl::string_view> few = {"sets", "names", "label", "CONSTANT"};
  return words.size() > 1 && words[0] == "SCAN" && !few.contains(words[1]);
}

class StatementPlansTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *Database::Open(folder_.path() + "/quantd.db");
    ASSERT_OK(Migrate(*database_));
    of_migration_ = database_->prepared_sql().size();
  }

  // Since SetUp().
  size_t StatementsPrepared() const { return database_->prepared_sql().size() - of_migration_; }

  SqliteJobTable Jobs() { return SqliteJobTable(*database_, damaged_); }

  // Calls every method of every table. Most find nothing, and some are refused: the statements are
  // what matters.
  void AskForEverything() {
    AskJobs();
    AskQueue();
    SqliteEventTable events(*database_);
    ASSERT_OK(events.Append(1, {JobEvent{.sequence = 1}}));
    ASSERT_OK(events.Read(1, 0, 10));
    SqliteArtifactTable artifacts(*database_);
    ASSERT_OK(artifacts.Insert({.name = {"t", "a"}}));
    ASSERT_OK(artifacts.List("t", std::nullopt, 10));
    ASSERT_OK(artifacts.Tenants());
    ASSERT_OK(artifacts.UnusedUntil("t", absl::Now(), 10));
    ASSERT_OK(artifacts.Delete({"t", "a"}));
    SqliteCatalogueTable catalogues(*database_);
    ASSERT_OK(catalogues.Put({.digest = "d"}));
    ASSERT_OK(catalogues.All());
    ASSERT_OK(catalogues.Of("t"));
    ASSERT_OK(catalogues.KeepLatest("t", 1));
    SqliteTenantTable tenants(*database_);
    ASSERT_OK(tenants.Put({.name = "t"}));
    ASSERT_OK(tenants.Get("t"));
    ASSERT_OK(tenants.SetPaused(false));
    ASSERT_OK(tenants.Paused());
    SqliteTokenTable tokens(*database_);
    ASSERT_OK(tokens.Insert({.name = {"t", "a"}}));
    ASSERT_OK(tokens.Update({.key = 1}));
    ASSERT_OK(tokens.List("t", std::nullopt, 10));
  }

  void AskJobs() {
    SqliteJobTable jobs = Jobs();
    Job job;
    job.name = {"t", "1"};
    job.traits.inputs = {"digest"};
    ASSERT_OK_AND_ASSIGN(job.key, jobs.Insert(job, "spec"));
    ASSERT_OK(jobs.Count());
    ASSERT_OK(jobs.Update(job));
    ASSERT_OK(jobs.FindByRequestId("t", "r"));
    ASSERT_OK(jobs.List({.tenant = "t"}));
    ASSERT_OK(jobs.HasInput(1, "digest"));
    ASSERT_OK(jobs.Inputs("t"));
    ASSERT_OK(jobs.InputsAreComplete());
    ASSERT_OK(jobs.Tenants());
    ASSERT_OK(jobs.FinishedUntil("t", absl::Now(), 10));
    ASSERT_OK(jobs.ReadPayload(1, JobPayload::kSpec));
    ASSERT_OK(jobs.NextToken());
    ASSERT_OK(jobs.Delete(1));
    ASSERT_OK(SqliteJobTable::SetAside(*database_, {{1, absl::DataLossError("does not decode")}}));
  }

  void AskQueue() {
    SqliteJobTable jobs = Jobs();
    ASSERT_OK(jobs.QueuedRequirements());
    ASSERT_OK(jobs.QueuedTenants({"preset:a"}));
    ASSERT_OK(jobs.NextQueued({"preset:a"}, "t", absl::Now()));
    ASSERT_OK(jobs.QueuedWork("t", "w", 10));
    ASSERT_OK(jobs.FinishedWork("t", "w", "1"));
    ASSERT_OK(jobs.AnythingDue(absl::Now()));
    ASSERT_OK(jobs.ExpiredLeases(absl::Now(), 10));
    ASSERT_OK(jobs.OverdueQueued(absl::Now(), 10));
    ASSERT_OK(jobs.Running());
    ASSERT_OK(jobs.RunningByTenant());
    ASSERT_OK(jobs.CountOf("t", JobState::kQueued));
  }

  // The steps of the statement's plan.
  std::vector<std::string> PlanOf(const std::string& sql) {
    absl::StatusOr<Statement> plan = database_->Prepare("EXPLAIN QUERY PLAN " + sql);
    EXPECT_OK(plan) << sql;
    std::vector<std::string> steps;
    while (plan.ok() && plan->Step().value()) steps.push_back(plan->Text(3));
    return steps;
  }

  // Every statement prepared so far, explained; the exceptions that were needed are added to
  // `needed_`.
  void ExpectSearches() {
    for (const std::string& sql : database_->prepared_sql()) {
      if (absl::StartsWith(sql, "EXPLAIN")) continue;
      for (const std::string& step : PlanOf(sql)) {
        if (!GrowsWithRows(step)) continue;
        const auto allowed =
            std::find_if(Exceptions().begin(), Exceptions().end(), [&](const Exception& exception) {
              return absl::StrContains(sql, exception.sql) && step == exception.step;
            });
        EXPECT_NE(allowed, Exceptions().end()) << sql << "\n" << step;
        if (allowed != Exceptions().end()) needed_.insert(&*allowed);
      }
    }
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
  DamagedJobs damaged_;
  size_t of_migration_ = 0;
  std::set<const Exception*> needed_;
};

// Places in the store's sources where a statement is prepared.
size_t PlacesThatPrepare() {
  const std::regex prepares(R"(\bdatabase_?\.Prepare\()");
  size_t places = 0;
  for (const auto& file : std::filesystem::directory_iterator(
           absl::StrCat(QUANTD_SOURCE_DIR, "/server/store/sqlite"))) {
    const std::string name = file.path().filename();
    // The tables: the store around them prepares nothing but pragmas.
    if (!absl::StartsWith(name, "sqlite_") || !absl::EndsWith(name, ".cc") ||
        name == "sqlite_job_store.cc")
      continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    places += static_cast<size_t>(std::distance(
        std::sregex_iterator(text.begin(), text.end(), prepares), std::sregex_iterator()));
  }
  return places;
}

TEST_F(StatementPlansTest, EveryStatementSearchesAnIndex) {
  AskForEverything();
  EXPECT_EQ(StatementsPrepared(), PlacesThatPrepare())
      << "every place that prepares a statement makes one text here; ask for a new one in "
         "AskForEverything()";
  ExpectSearches();
  for (const Exception& exception : Exceptions()) {
    EXPECT_TRUE(needed_.contains(&exception)) << "no longer needed: " << exception.sql;
  }
}

TEST_F(StatementPlansTest, EveryCombinationOfFiltersSearchesAnIndex) {
  for (int filters = 0; filters < 16; ++filters) {
    JobQuery query{.tenant = "t", .newest_first = (filters & 1) != 0};
    if (filters & 2) query.state = JobState::kFailed;
    if (filters & 4) query.display_name = "name";
    if (filters & 8) query.labels = {{"team", "vision"}};
    ASSERT_OK(Jobs().List(query));
  }
  EXPECT_EQ(StatementsPrepared(), 16u);
  ExpectSearches();
}

// Deleting a row looks for the rows that refer to it, which no plan shows.
TEST_F(StatementPlansTest, WhatRefersToADeletedRowIsFoundByAnIndex) {
  ASSERT_OK_AND_ASSIGN(
      Statement references,
      database_->Prepare("SELECT m.name, f.\"from\" FROM sqlite_master AS m"
                         " JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'"));
  std::set<std::string> tables;
  while (references.Step().value()) {
    const std::string table = references.Text(0);
    tables.insert(table);
    const std::vector<std::string> plan =
        PlanOf(absl::StrCat("DELETE FROM ", table, " WHERE ", references.Text(1), " = ?"));
    ASSERT_EQ(plan.size(), 1u) << table;
    EXPECT_TRUE(absl::StartsWith(plan[0], "SEARCH")) << plan[0];
  }
  EXPECT_EQ(tables, (std::set<std::string>{"events", "job_inputs", "payloads"}));
}

TEST(GrowsWithRows, TellsAWalkFromASearch) {
  EXPECT_TRUE(GrowsWithRows("SCAN jobs"));
  EXPECT_TRUE(GrowsWithRows("SCAN artifacts USING COVERING INDEX artifacts_list"));
  EXPECT_TRUE(GrowsWithRows("USE TEMP B-TREE FOR ORDER BY"));
  EXPECT_FALSE(GrowsWithRows("SEARCH jobs USING INDEX jobs_name (tenant=? AND id=?)"));
  EXPECT_FALSE(GrowsWithRows("SCAN names"));
  EXPECT_FALSE(GrowsWithRows("SCAN CONSTANT ROW"));
}

}  // namespace
}  // namespace quantd
