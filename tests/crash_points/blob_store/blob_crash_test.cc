// The power fails right before and right after every operation with which the blob store changes
// its disk, and every one of them fails once with an error.
#include <string>

#include "gtest/gtest.h"
#include "tests/crash_points/blob_store/blob_run.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::BlobRun;
using testing::CheckBlobs;
using testing::CheckBlobsAfterPowerFailure;
using testing::Fault;
using testing::RunBlobsThroughErrors;
using testing::RunBlobsUntilError;

constexpr uint64_t kSeedsPerPoint = 16;

TEST(BlobCrash, ARunWithoutFaultsLosesNothingInAPowerFailureAtTheEnd) {
  const BlobRun run = RunBlobsUntilError({});
  ASSERT_OK(run.status);
  EXPECT_EQ(CheckBlobs(run), "");
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(CheckBlobsAfterPowerFailure(run, seed), "") << seed;
  }
  RecordProperty("operations", static_cast<int>(run.changes));
}

TEST(BlobCrash, LosesNothingThatWasAcknowledged) {
  const int64_t changes = RunBlobsUntilError({}).changes;
  ASSERT_GT(changes, 50);
  for (int64_t point = 0; point < changes; ++point) {
    for (const Fault fault : {Fault::kCrashBefore, Fault::kCrashAfter}) {
      const BlobRun run = RunBlobsUntilError({{.fault = fault, .from = point}});
      ASSERT_NE(run.log, "") << "point " << point;
      // A process that was killed loses nothing that it has written.
      ASSERT_EQ(CheckBlobs(run), "") << run.log;
      for (uint64_t seed = 0; seed < kSeedsPerPoint; ++seed) {
        ASSERT_EQ(CheckBlobsAfterPowerFailure(run, static_cast<uint64_t>(point) * 16 + seed), "")
            << run.log << ", seed " << point * 16 + static_cast<int64_t>(seed);
      }
    }
  }
}

class BlobError : public ::testing::TestWithParam<Fault> {};

TEST_P(BlobError, IsTypedAndTheNextOperationWorks) {
  const int64_t changes = RunBlobsUntilError({}).changes;
  for (int64_t point = 0; point < changes; ++point) {
    std::string problem;
    const BlobRun run = RunBlobsThroughErrors({{.fault = GetParam(), .from = point}}, problem);
    ASSERT_EQ(problem, "") << run.log;
    ASSERT_OK(run.status) << run.log;
    ASSERT_EQ(CheckBlobs(run), "") << run.log;
    ASSERT_EQ(CheckBlobsAfterPowerFailure(run, static_cast<uint64_t>(point)), "") << run.log;
  }
}

TEST_P(BlobError, LeavesNothingPartialWhereItStopped) {
  const int64_t changes = RunBlobsUntilError({}).changes;
  for (int64_t point = 0; point < changes; ++point) {
    const BlobRun run = RunBlobsUntilError({{.fault = GetParam(), .from = point}});
    ASSERT_EQ(CheckBlobs(run), "") << run.log;
  }
}

INSTANTIATE_TEST_SUITE_P(AllPoints, BlobError,
                         ::testing::Values(Fault::kIoError, Fault::kDiskFull, Fault::kQuotaExceeded,
                                           Fault::kShortWrite),
                         [](const auto& test) {
                           switch (test.param) {
                             case Fault::kIoError:
                               return "IoError";
                             case Fault::kDiskFull:
                               return "DiskFull";
                             case Fault::kQuotaExceeded:
                               return "QuotaExceeded";
                             default:
                               return "ShortWrite";
                           }
                         });

TEST(BlobReadError, IsTypedAndChangesNothing) {
  bool reached = true;
  for (int64_t point = 0; reached; ++point) {
    std::string problem;
    const BlobRun run = RunBlobsThroughErrors(
        {{.fault = Fault::kIoError, .from = point, .operation = testing::kReadOperation}}, problem);
    ASSERT_EQ(problem, "") << run.log;
    ASSERT_OK(run.status) << run.log;
    ASSERT_EQ(CheckBlobs(run), "") << run.log;
    reached = !run.log.empty();
  }
}

// Disks that the checks above must find out: a store that forgot the sync of a folder would look
// like the second one.
int Found(const std::string& operation) {
  const BlobRun run = RunBlobsUntilError(
      {{.fault = Fault::kLostSync, .count = testing::kForEver, .operation = operation}});
  EXPECT_OK(run.status);
  int found = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    found += CheckBlobsAfterPowerFailure(run, seed).empty() ? 0 : 1;
  }
  return found;
}

TEST(BlobChecker, FindsOutThatSyncsAreLost) { EXPECT_GE(Found("sync"), 10); }

TEST(BlobChecker, FindsOutThatSyncsOfFoldersAreLost) { EXPECT_GE(Found("sync folder"), 10); }

}  // namespace
}  // namespace quantd
