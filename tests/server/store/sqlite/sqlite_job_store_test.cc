// What only a database on a disk can get wrong.
#include "server/store/sqlite/sqlite_job_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gtest/gtest.h"
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/migrations.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace quantd {
namespace {

using testing::HasReason;
using testing::StatusIs;

class SqliteStoreTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.path() + "/quantd.db"; }

  absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open() { return SqliteJobStore::Open(Path()); }

  static absl::Status InsertJob(JobStore& store, const std::string& id) {
    Job job;
    job.name = {"t", id};
    return store.Write([&](Transaction& t) { return t.jobs().Insert(job, "spec").status(); });
  }

  static bool HasJob(JobStore& store, const std::string& id) {
    return store.Read([&](Transaction& t) { return t.jobs().Get({"t", id}).status(); }).ok();
  }

  testing::TemporaryFolder folder_;
};

TEST_F(SqliteStoreTest, WhatWasWrittenIsThereAfterReopening) {
  ASSERT_OK(InsertJob(**Open(), "a"));
  EXPECT_TRUE(HasJob(**Open(), "a"));
}

TEST_F(SqliteStoreTest, ASecondServerOnTheSameDatabaseIsRefused) {
  const auto first = Open();
  ASSERT_OK(first);
  const auto second = Open();
  EXPECT_THAT(second.status(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(second.status(), HasReason("STORE_IN_USE"));
  EXPECT_NE(std::string(second.status().message()).find(Path()), std::string::npos);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsRefusedByItsPath) {
  std::ofstream(Path()) << std::string(4096, 'x');
  const absl::Status status = Open().status();
  EXPECT_THAT(status, HasReason("STORE_DAMAGED"));
  EXPECT_NE(std::string(status.message()).find(Path()), std::string::npos);
}

TEST_F(SqliteStoreTest, ADatabaseOfAnotherProgramIsRefused) {
  ASSERT_OK((*Database::Open(Path()))->Execute("CREATE TABLE theirs (x)"));
  EXPECT_THAT(Open().status(), HasReason("STORE_DAMAGED"));
}

TEST_F(SqliteStoreTest, ADatabaseOfAnotherProgramStaysAsItIs) {
  ASSERT_OK((*Database::Open(Path()))->Execute("CREATE TABLE theirs (x)"));
  const absl::StatusOr<std::string> before = ReadFile(Path(), 1 << 20);
  ASSERT_OK(before);
  EXPECT_FALSE(Open().ok());
  EXPECT_TRUE(ReadFile(Path(), 1 << 20).value() == *before);
}

TEST_F(SqliteStoreTest, ADamagedDatabaseIsRefusedByItsPath) {
  {
    const auto store = Open();
    ASSERT_OK(store);
    for (int i = 0; i < 100; ++i) ASSERT_OK(InsertJob(**store, absl::StrCat("job-", i)));
  }
  // Every page after the first holds rows or indexes; the first is left, so that the file is still
  // a database with the right tables.
  absl::StatusOr<std::string> content = ReadFile(Path(), 8 << 20);
  ASSERT_OK(content);
  std::fill(content->begin() + 4096, content->end(), '\xa5');
  std::ofstream(Path(), std::ios::binary) << *content;
  const absl::Status status = Open().status();
  EXPECT_THAT(status, HasReason("STORE_DAMAGED"));
  EXPECT_NE(std::string(status.message()).find(Path()), std::string::npos);
}

TEST_F(SqliteStoreTest, ATruncatedDatabaseIsRefused) {
  {
    const auto store = Open();
    ASSERT_OK(store);
    for (int i = 0; i < 100; ++i) ASSERT_OK(InsertJob(**store, absl::StrCat("job-", i)));
  }
  ASSERT_EQ(::truncate(Path().c_str(), 3 * 4096), 0);
  EXPECT_THAT(Open().status(), HasReason("STORE_DAMAGED"));
}

TEST_F(SqliteStoreTest, ADatabaseOfANewerProgramIsRefused) {
  ASSERT_OK(Open().status());
  ASSERT_OK((*Database::Open(Path()))->Execute("PRAGMA user_version = 99"));
  EXPECT_THAT(Open().status(), HasReason("STORE_TOO_NEW"));
}

TEST_F(SqliteStoreTest, AnOlderDatabaseIsBroughtUpStepByStep) {
  const auto database = *Database::Open(Path());
  const char* const first[] = {"CREATE TABLE a (x); INSERT INTO a VALUES (1);"};
  const char* const all[] = {first[0], "ALTER TABLE a ADD COLUMN y;", "UPDATE a SET y = x + 1;"};
  ASSERT_OK(Migrate(*database, first));
  ASSERT_OK(Migrate(*database, all));
  ASSERT_OK(Migrate(*database, all));  // Nothing left to do.
  absl::StatusOr<Statement> row = database->Prepare("SELECT y FROM a");
  ASSERT_OK(row);
  ASSERT_OK(row->Step().status());
  EXPECT_EQ(row->Int(0), 2);
}

TEST_F(SqliteStoreTest, AStepThatFailsChangesNothing) {
  const auto database = *Database::Open(Path());
  const char* const bad[] = {"CREATE TABLE a (x);", "CREATE TABLE b (x); CREATE TABLE a (x);"};
  EXPECT_FALSE(Migrate(*database, bad).ok());
  EXPECT_OK(database->Execute("SELECT * FROM a"));
  EXPECT_FALSE(database->Execute("SELECT * FROM b").ok());
  const char* const good[] = {bad[0], "CREATE TABLE b (x);"};
  EXPECT_OK(Migrate(*database, good));
}

TEST_F(SqliteStoreTest, AFullDiskFailsTheWriteAndNothingElse) {
  const auto database = *Database::Open(Path());
  ASSERT_OK(Migrate(*database));
  ASSERT_OK(database->Execute("PRAGMA max_page_count = 60"));
  const absl::Status full =
      database->Execute("INSERT INTO payloads VALUES (1, 'spec', randomblob(1000000))");
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(full, HasReason("DISK_FULL"));
  EXPECT_OK(database->Execute("INSERT INTO counters VALUES ('small', 1)"));
}

// A child commits jobs and acknowledges each; it is killed in the middle, and whatever it
// acknowledged must be there.
TEST_F(SqliteStoreTest, WhatWasAcknowledgedSurvivesAKill) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = Open();
    for (int i = 0; store.ok(); ++i) {
      if (!InsertJob(**store, absl::StrCat(i)).ok()) break;
      if (::write(pipe_fds[1], "+", 1) != 1) break;
    }
    ::_exit(1);
  }
  ::close(pipe_fds[1]);
  int acknowledged = 0;
  char byte = 0;
  for (; acknowledged < 25 && ::read(pipe_fds[0], &byte, 1) == 1; ++acknowledged) {
  }
  ::kill(child, SIGKILL);
  for (; ::read(pipe_fds[0], &byte, 1) == 1; ++acknowledged) {
  }
  ::close(pipe_fds[0]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_GE(acknowledged, 25);

  const auto store = Open();
  ASSERT_OK(store);
  for (int i = 0; i < acknowledged; ++i) {
    EXPECT_TRUE(HasJob(**store, absl::StrCat(i))) << i << " of " << acknowledged;
  }
  const auto database = *Database::Open(Path());
  absl::StatusOr<Statement> check = database->Prepare("PRAGMA integrity_check");
  ASSERT_OK(check);
  ASSERT_OK(check->Step().status());
  EXPECT_EQ(check->Text(0), "ok");
}

}  // namespace
}  // namespace quantd
