#include "client/lib/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace quantd {
namespace {

using ::quantd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

// Lets the fake clock run instead of waiting.
class RecordingSleeper final : public Sleeper {
 public:
  explicit RecordingSleeper(testing::FakeClock* clock) : clock_(clock) {}
  absl::Status Sleep(absl::Duration duration) override {
    slept.push_back(duration);
    clock_->Advance(duration);
    return absl::OkStatus();
  }
  std::vector<absl::Duration> slept;

 private:
  testing::FakeClock* clock_;
};

class RetryTest : public ::testing::Test {
 protected:
  // Fails with the statuses in order, then succeeds.
  absl::Status Run(std::vector<absl::Status> failures) {
    attempts_ = 0;
    return RunWithRetry(policy_, &clock_, &sleeper_, 1, [&](absl::Time) {
      const size_t i = static_cast<size_t>(attempts_++);
      return i < failures.size() ? failures[i] : absl::OkStatus();
    });
  }

  RetryPolicy policy_;
  testing::FakeClock clock_;
  RecordingSleeper sleeper_{&clock_};
  int attempts_ = 0;
};

TEST_F(RetryTest, TriesAgainWhenTheServerIsUnavailable) {
  EXPECT_OK(Run({absl::UnavailableError("a"), absl::UnavailableError("b")}));
  EXPECT_EQ(attempts_, 3);
}

TEST_F(RetryTest, DoesNotRepeatWhatCannotSucceed) {
  for (const absl::Status& error :
       {absl::InvalidArgumentError("x"), absl::NotFoundError("x"), absl::AbortedError("x"),
        absl::InternalError("x"), absl::ResourceExhaustedError("x"),
        absl::DeadlineExceededError("x")}) {
    EXPECT_EQ(Run({error}), error);
    EXPECT_EQ(attempts_, 1);
  }
}

TEST_F(RetryTest, DelaysDoubleAndKeepAtLeastHalfOfTheirNominalLength) {
  // Nominal: 200, 400, 800 ms.
  const absl::Status down = absl::UnavailableError("down");
  EXPECT_OK(Run({down, down, down}));
  EXPECT_THAT(sleeper_.slept,
              ElementsAre(AllOf(Ge(absl::Milliseconds(100)), Le(absl::Milliseconds(200))),
                          AllOf(Ge(absl::Milliseconds(200)), Le(absl::Milliseconds(400))),
                          AllOf(Ge(absl::Milliseconds(400)), Le(absl::Milliseconds(800)))));
}

TEST_F(RetryTest, GivesUpAfterTheLastAttemptWithItsError) {
  policy_.attempts_max = 3;
  std::vector<absl::Status> failures(5, absl::UnavailableError("down"));
  failures[2] = absl::UnavailableError("the third");
  EXPECT_THAT(Run(failures),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr("third")));
  EXPECT_EQ(attempts_, 3);
}

TEST_F(RetryTest, WaitsAsLongAsTheServerAsks) {
  const absl::Status busy = MakeError(absl::StatusCode::kResourceExhausted, "busy",
                                      {.reason = "QUOTA", .retry_after = absl::Seconds(7)});
  EXPECT_OK(Run({busy}));
  EXPECT_THAT(sleeper_.slept, ElementsAre(absl::Seconds(7)));
}

TEST_F(RetryTest, NeverSleepsBeyondTheDeadline) {
  policy_.overall = absl::Seconds(5);
  const absl::Status busy = MakeError(absl::StatusCode::kUnavailable, "busy",
                                      {.reason = "QUOTA", .retry_after = absl::Seconds(7)});
  EXPECT_EQ(Run({busy}), busy);
  EXPECT_TRUE(sleeper_.slept.empty());
}

TEST_F(RetryTest, ProgressStartsTheCountAnew) {
  policy_.attempts_max = 2;
  Backoff backoff(policy_, &clock_, 1);
  const absl::Status down = absl::UnavailableError("down");
  EXPECT_TRUE(backoff.Next(down).has_value());
  EXPECT_FALSE(backoff.Next(down).has_value());
  backoff.Reset();
  EXPECT_TRUE(backoff.Next(down).has_value());
}

TEST_F(RetryTest, AnInterruptEndsTheWaitAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  InterruptibleSleeper sleeper(stop.get_token());
  EXPECT_THAT(sleeper.Sleep(absl::Hours(1)), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace quantd
