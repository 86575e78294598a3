// Every operation of the SQLite store's disk fails once, without a crash: the caller hears which
// kind of error it was, nothing of the transaction is there, and it succeeds when tried again.
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/crash_points/job_store/store_run.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using testing::CheckRecovery;
using testing::ExpectedContents;
using testing::Fault;
using testing::FaultRule;
using testing::RunThroughErrors;
using testing::RunUntilError;
using testing::StoreRun;

struct FaultCase {
  std::string name;
  Fault fault;

  friend std::ostream& operator<<(std::ostream& out, const FaultCase& c) { return out << c.name; }
};

class StoreError : public ::testing::TestWithParam<FaultCase> {
 protected:
  static void Check(const FaultRule& rule) {
    std::string problem;
    const StoreRun run = RunThroughErrors({rule}, problem);
    ASSERT_EQ(problem, "") << run.log;
    ASSERT_OK(run.status) << run.log;
    ASSERT_EQ(run.acknowledged + 1, ExpectedContents().size()) << run.log;
    // SQLite itself takes no notice when the sync of a folder fails, so a power failure after that
    // may bring back a log that it has deleted. A disk that does both is beyond help.
    if (absl::StartsWith(run.log, "sync folder")) return;
    // What the error left behind must not be found out by the next power failure either.
    ASSERT_EQ(CheckRecovery(run, static_cast<uint64_t>(rule.from)), "") << run.log;
  }
};

TEST_P(StoreError, IsTypedAndLeavesNothingPartial) {
  const int64_t changes = RunUntilError({}).changes;
  for (int64_t point = 0; point < changes; ++point) {
    Check({.fault = GetParam().fault, .from = point});
    ASSERT_FALSE(HasFatalFailure());
  }
}

// The same for every read.
TEST(StoreReadErrorTest, IsTypedAndChangesNothing) {
  bool reached = true;
  int64_t point = 0;
  for (; reached; ++point) {
    std::string problem;
    const StoreRun run = RunThroughErrors(
        {{.fault = Fault::kIoError, .from = point, .operation = testing::kReadOperation}}, problem);
    ASSERT_EQ(problem, "") << run.log;
    ASSERT_OK(run.status) << run.log;
    ASSERT_EQ(run.acknowledged + 1, ExpectedContents().size()) << run.log;
    reached = !run.log.empty();
  }
  EXPECT_GT(point, 100);
}

INSTANTIATE_TEST_SUITE_P(AllPoints, StoreError,
                         ::testing::Values(FaultCase{"IoError", Fault::kIoError},
                                           FaultCase{"DiskFull", Fault::kDiskFull},
                                           FaultCase{"ShortWrite", Fault::kShortWrite}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace quantd
