#include "server/auth/rate_limiter.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace quantd {
namespace {

class RateLimiterTest : public ::testing::Test {
 protected:
  // How many of `tries` calls are let through.
  int Taken(int tries, double per_second, const std::string& key = "t") {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += !limiter_.Take(key, per_second).has_value();
    return taken;
  }

  testing::FakeClock clock_;
  RateLimiter limiter_{&clock_};
};

TEST_F(RateLimiterTest, LetsABurstThroughAndThenTheRate) {
  EXPECT_EQ(Taken(100, 4), 40);
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(Taken(100, 4), 2);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Taken(100, 4), 40);
}

TEST_F(RateLimiterTest, SaysWhenToComeBackAndThenLetsThrough) {
  Taken(100, 4);
  const std::optional<absl::Duration> wait = limiter_.Take("t", 4);
  EXPECT_EQ(wait, absl::Milliseconds(250));
  clock_.Advance(*wait);
  EXPECT_EQ(limiter_.Take("t", 4), std::nullopt);
}

TEST_F(RateLimiterTest, KeysDoNotShare) {
  EXPECT_EQ(Taken(100, 1, "a"), 10);
  EXPECT_EQ(Taken(100, 1, "b"), 10);
}

TEST_F(RateLimiterTest, LessThanOneABurstIsStillOne) {
  EXPECT_EQ(Taken(100, 0.01), 1);
  clock_.Advance(absl::Seconds(100));
  EXPECT_EQ(Taken(100, 0.01), 1);
}

TEST_F(RateLimiterTest, ZeroLetsNothingThrough) {
  EXPECT_EQ(Taken(3, 0), 0);
  EXPECT_EQ(limiter_.Take("t", 0), RateLimiter::kBurst);
}

TEST_F(RateLimiterTest, ANewLimitHoldsAtOnce) {
  EXPECT_EQ(Taken(100, 10), 100);
  EXPECT_EQ(Taken(100, 1), 0);
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Taken(100, 1), 3);
}

TEST_F(RateLimiterTest, AClockThatGoesBackTakesNothingAway) {
  EXPECT_EQ(Taken(5, 1), 5);
  clock_.Advance(-absl::Hours(1));
  EXPECT_EQ(Taken(100, 1), 5);
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Taken(100, 1), 2);
}

TEST_F(RateLimiterTest, AFloodOfKeysIsNotRememberedForEver) {
  for (size_t i = 0; i < RateLimiter::kKeysMax; ++i) Taken(1, 1, absl::StrCat("k", i));
  EXPECT_EQ(Taken(100, 1, "beyond"), 100) << "not remembered, hence not limited";
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Taken(100, 1, "beyond"), 10) << "the others' buckets are full again and forgotten";
}

}  // namespace
}  // namespace quantd
