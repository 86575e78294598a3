// Stores and clocks that fail do so as they say, and count what they did.
#include <limits>

#include "common/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/blob/memory/memory_blob_store.h"
#include "server/store/memory/memory_job_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faults/faulty_blob_store.h"
#include "tests/support/faults/faulty_clock.h"
#include "tests/support/faults/faulty_job_store.h"
#include "tests/support/status_matchers.h"

namespace quantd::testing {
namespace {

TEST(FaultPlanTest, StrikesTheOperationsThatItsRuleNames) {
  FaultPlan plan;
  plan.Add({.fault = Fault::kDiskFull, .from = 1, .count = 2, .operation = "write"});
  EXPECT_EQ(plan.Next("write"), Fault::kNone);
  EXPECT_EQ(plan.Next("sync"), Fault::kNone);
  EXPECT_EQ(plan.Next("write", "a"), Fault::kDiskFull);
  EXPECT_EQ(plan.Next("write", "b"), Fault::kDiskFull);
  EXPECT_EQ(plan.Next("write"), Fault::kNone);
  EXPECT_EQ(plan.changes(), 5);
  EXPECT_EQ(plan.Log(), "write of a (operation 2): disk full; write of b (operation 3): disk full");
}

TEST(FaultPlanTest, ARuleForEveryChangeLeavesReadsAlone) {
  FaultPlan plan;
  plan.Add({.fault = Fault::kIoError, .count = kForEver});
  EXPECT_EQ(plan.Next(kReadOperation), Fault::kNone);
  EXPECT_EQ(plan.Next("remove"), Fault::kIoError);
  plan.Heal();
  EXPECT_EQ(plan.Next("remove"), Fault::kNone);
  EXPECT_EQ(plan.changes(), 2);
}

class FaultyJobStoreTest : public ::testing::Test {
 protected:
  absl::Status Pause() {
    return store_.Write([this](Transaction& t) {
      ++bodies_;
      return t.tenants().SetPaused(true);
    });
  }
  bool Paused() {
    bool paused = false;
    EXPECT_OK(inner_.Read([&](Transaction& t) -> absl::Status {
      paused = t.tenants().Paused().value();
      return absl::OkStatus();
    }));
    return paused;
  }

  MemoryJobStore inner_;
  FaultPlan plan_;
  int delays_ = 0;
  FaultyJobStore store_{&inner_, &plan_, [this](absl::string_view) { ++delays_; }};
  int bodies_ = 0;
};

TEST_F(FaultyJobStoreTest, FailsBeforeTheBody) {
  plan_.Add({.fault = Fault::kIoError});
  EXPECT_THAT(Pause(), HasReason("STORE_FAILED"));
  EXPECT_EQ(bodies_, 0);
  EXPECT_OK(Pause());
  EXPECT_TRUE(Paused());
  EXPECT_EQ(delays_, 2);
}

TEST_F(FaultyJobStoreTest, FailsAtTheCommitAndTakesEverythingBack) {
  plan_.Add({.fault = Fault::kErrorAfter});
  EXPECT_THAT(Pause(), HasReason("STORE_FAILED"));
  EXPECT_EQ(bodies_, 1);
  EXPECT_FALSE(Paused());
}

TEST_F(FaultyJobStoreTest, IsFull) {
  plan_.Add({.fault = Fault::kDiskFull});
  EXPECT_THAT(Pause(), HasReason("DISK_FULL"));
  EXPECT_FALSE(Paused());
}

TEST_F(FaultyJobStoreTest, MayHaveDoneWhatItSaysHasFailed) {
  plan_.Add({.fault = Fault::kUnknownOutcome});
  EXPECT_THAT(Pause(), HasReason("STORE_FAILED"));
  EXPECT_TRUE(Paused());
}

class FaultyBlobStoreTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  MemoryBlobStore inner_{&clock_, "team"};
  FaultPlan plan_;
  FaultyBlobStore store_{&inner_, &plan_};
  const std::string bytes_ = "0123456789";
  const std::string digest_ = Sha256Hex(bytes_);
};

TEST_F(FaultyBlobStoreTest, FailsInEveryPartOfAnUpload) {
  for (const char* operation : {"upload", "append", "finish"}) {
    FaultPlan plan;
    FaultyBlobStore store(&inner_, &plan);
    plan.Add({.fault = Fault::kDiskFull, .operation = operation});
    auto writer = store.OpenUpload(operation, digest_, 10);
    absl::Status status = writer.status();
    if (status.ok()) status = (*writer)->Append(0, bytes_);
    if (status.ok()) status = (*writer)->Finish();
    EXPECT_THAT(status, HasReason("DISK_FULL")) << operation;
    EXPECT_FALSE(inner_.Has(digest_)) << operation;
  }
}

TEST_F(FaultyBlobStoreTest, TakesAPartOfAnAppend) {
  plan_.Add({.fault = Fault::kShortWrite, .operation = "append"});
  const auto writer = store_.OpenUpload("u", digest_, 10);
  ASSERT_OK(writer);
  EXPECT_THAT((*writer)->Append(0, bytes_), HasReason("DISK_FAILED"));
  EXPECT_EQ((*writer)->committed(), 5);
  EXPECT_OK((*writer)->Append(5, bytes_.substr(5)));
  EXPECT_OK((*writer)->Finish());
  EXPECT_TRUE(store_.Has(digest_));
}

TEST_F(FaultyBlobStoreTest, MayHaveFinishedWhatItSaysHasFailed) {
  plan_.Add({.fault = Fault::kUnknownOutcome, .operation = "finish"});
  const auto writer = store_.OpenUpload("u", digest_, 10);
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->Append(0, bytes_));
  EXPECT_THAT((*writer)->Finish(), HasReason("DISK_FAILED"));
  EXPECT_TRUE(inner_.Has(digest_));
}

TEST_F(FaultyBlobStoreTest, CannotBeRead) {
  plan_.Add({.fault = Fault::kIoError, .operation = kReadOperation});
  EXPECT_THAT(store_.Size(digest_), HasReason("DISK_FAILED"));
  EXPECT_THAT(store_.Size(digest_), HasReason("BLOB_NOT_FOUND"));
}

TEST(FaultyClockTest, JumpsAndStandsStill) {
  FakeClock real;
  FaultyClock clock(&real);
  const absl::Time start = real.Now();
  clock.Jump(-absl::Hours(1));
  EXPECT_EQ(clock.Now(), start - absl::Hours(1));
  clock.StandStill();
  real.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), start - absl::Hours(1));
  clock.Jump(absl::Hours(2));
  EXPECT_EQ(clock.Now(), start + absl::Hours(1));
  clock.GoOn();
  EXPECT_EQ(clock.Now(), start + absl::Hours(1) + absl::Seconds(5));
}

}  // namespace
}  // namespace quantd::testing
