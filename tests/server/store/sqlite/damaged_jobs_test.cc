// A record that does not decode stops nobody but those who ask for it.
#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::StatusIs;

class DamagedJobsTest : public ::testing::Test {
 protected:
  DamagedJobsTest() : store_(*SqliteJobStore::Open(Path(), {.durability = Durability::kProcess})) {
    for (const char* id : {"a", "b", "c"}) Insert(id, JobState::kQueued);
    for (const char* id : {"d", "e"}) Insert(id, JobState::kRunning);
  }

  std::string Path() const { return folder_.path() + "/quantd.db"; }

  void Insert(const std::string& id, JobState state) {
    Job job;
    job.name = {"t", id};
    job.state = state;
    job.traits.work_digest = id;
    job.traits.requirements = {"preset:a"};
    job.traits.queue_timeout = absl::Seconds(1);
    EXPECT_OK(store_->Write([&](Transaction& t) { return t.jobs().Insert(job, "spec").status(); }));
  }

  // Somebody else writes into the database.
  void Damage(const std::string& id, const std::string& column = "details") {
    const auto database = Database::Open(Path());
    ASSERT_OK(database);
    ASSERT_OK((*database)->Execute(
        absl::StrCat("UPDATE jobs SET ", column, " = 'no such thing' WHERE id = '", id, "'")));
  }

  using Query = std::function<absl::StatusOr<std::vector<Job>>(Transaction&)>;
  std::vector<std::string> Ids(const Query& query, bool write = false) {
    std::vector<std::string> ids;
    const auto body = [&](Transaction& t) {
      const absl::StatusOr<std::vector<Job>> jobs = query(t);
      EXPECT_OK(jobs);
      for (const Job& job : *jobs) ids.push_back(job.name.job);
      return absl::OkStatus();
    };
    EXPECT_OK(write ? store_->Write(body) : store_->Read(body));
    return ids;
  }

  QueueCounts Count() {
    QueueCounts counts;
    EXPECT_OK(store_->Read([&](Transaction& t) {
      counts = t.jobs().Count().value();
      return absl::OkStatus();
    }));
    return counts;
  }

  static absl::StatusOr<std::vector<Job>> Next(Transaction& t) {
    std::vector<Job> jobs;
    absl::StatusOr<std::optional<Job>> next = t.jobs().NextQueued({"preset:a"}, "t", absl::Now());
    if (!next.ok()) return next.status();
    if (*next) jobs.push_back(**next);
    return jobs;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<SqliteJobStore> store_;
};

TEST_F(DamagedJobsTest, BatchesOfMaintenanceGoOnWithTheOthers) {
  Damage("a");
  Damage("d");
  EXPECT_THAT(Ids([](Transaction& t) { return t.jobs().OverdueQueued(absl::Now(), 2); }, true),
              ElementsAre("b", "c"));
  EXPECT_THAT(Ids([](Transaction& t) { return t.jobs().ExpiredLeases(absl::Now(), 2); }, true),
              ElementsAre("e"));
  EXPECT_THAT(Ids([](Transaction& t) { return t.jobs().Running(); }, true), ElementsAre("e"));
}

TEST_F(DamagedJobsTest, TheQueueGoesOnWithTheNextJob) {
  Damage("a");
  EXPECT_THAT(Ids(Next), ElementsAre("b"));
}

TEST_F(DamagedJobsTest, AListLeavesThemOutAndItsPagesStayFull) {
  Damage("b");
  EXPECT_THAT(Ids([](Transaction& t) {
                return t.jobs().List({.tenant = "t", .newest_first = false, .limit = 3});
              }),
              ElementsAre("a", "c", "d"));
}

TEST_F(DamagedJobsTest, TheyAreSetAsideOnceAndCounted) {
  Damage("a");
  EXPECT_EQ(Count().damaged, 0);
  EXPECT_EQ(Count().jobs[JobState::kQueued], 3);
  // Whoever finds it, a reader here.
  EXPECT_THAT(Ids(Next), ElementsAre("b"));
  EXPECT_EQ(Count().damaged, 1);
  EXPECT_EQ(Count().jobs[JobState::kQueued], 2);
  EXPECT_THAT(store_->Read([](Transaction& t) {
    return t.jobs().Get({"t", "a"}).status();
  }),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(DamagedJobsTest, TheyAreSetAsideThoughTheTransactionThatFoundThemFails) {
  Damage("a");
  EXPECT_THAT(store_->Write([](Transaction& t) -> absl::Status {
    EXPECT_OK(Next(t));
    return absl::AbortedError("for another reason");
  }),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Count().damaged, 1);
}

TEST_F(DamagedJobsTest, AStateThatDoesNotExistIsDamageToo) {
  Damage("a", "state");
  EXPECT_EQ(Count().damaged, 1);
  EXPECT_THAT(Ids(Next), ElementsAre("b"));
  EXPECT_THAT(
      Ids([](Transaction& t) { return t.jobs().List({.tenant = "t", .newest_first = false}); }),
      ElementsAre("b", "c", "d", "e"));
}

TEST_F(DamagedJobsTest, WithoutDamageNothingIsSetAside) {
  EXPECT_THAT(Ids([](Transaction& t) { return t.jobs().Running(); }), ElementsAre("d", "e"));
  EXPECT_EQ(Count().damaged, 0);
  EXPECT_THAT(Ids([](Transaction& t) { return t.jobs().QueuedWork("t", "z", 10); }), IsEmpty());
}

}  // namespace
}  // namespace quantd
