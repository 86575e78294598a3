#include "server/core/retry_delay.h"

#include <gtest/gtest.h>

#include <set>

namespace quantd {
namespace {

constexpr absl::StatusCode kPermanent[] = {
    absl::StatusCode::kInvalidArgument,    absl::StatusCode::kNotFound,
    absl::StatusCode::kAlreadyExists,      absl::StatusCode::kPermissionDenied,
    absl::StatusCode::kFailedPrecondition, absl::StatusCode::kOutOfRange,
    absl::StatusCode::kUnimplemented};
constexpr absl::StatusCode kPassing[] = {
    absl::StatusCode::kCancelled,        absl::StatusCode::kUnknown,
    absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kAborted,          absl::StatusCode::kInternal,
    absl::StatusCode::kUnavailable,      absl::StatusCode::kDataLoss,
    absl::StatusCode::kUnauthenticated};

TEST(RetryDelay, DoublesWithEachFailureBetweenHalfAndAllOfTheNominalDelay) {
  // 1 s, 2 s, 4 s, ..., 256 s; the next one would be 512 s and is cut to 300 s.
  const double nominal_seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
  for (int64_t job = 1; job <= 200; ++job) {
    for (int failures = 1; failures <= static_cast<int>(std::size(nominal_seconds)); ++failures) {
      const absl::Duration nominal = absl::Seconds(nominal_seconds[failures - 1]);
      const absl::Duration delay = RetryDelay({}, failures, job);
      EXPECT_GE(delay, nominal / 2);
      EXPECT_LT(delay, nominal);
    }
  }
}

TEST(RetryDelay, KeepsToTheGivenBaseAndMaximum) {
  const RetryPolicy policy{.base = absl::Milliseconds(10), .max = absl::Milliseconds(15)};
  EXPECT_LT(RetryDelay(policy, 1, 7), absl::Milliseconds(10));
  EXPECT_GE(RetryDelay(policy, 2, 7), absl::Milliseconds(7.5));
  EXPECT_LT(RetryDelay(policy, 2, 7), absl::Milliseconds(15));
}

TEST(RetryDelay, IsBoundedAfterAnyNumberOfFailures) {
  for (const int failures : {31, 32, 64, 1'000, 1'000'000'000}) {
    EXPECT_GE(RetryDelay({}, failures, 3), absl::Minutes(2.5));
    EXPECT_LT(RetryDelay({}, failures, 3), absl::Minutes(5));
  }
}

TEST(RetryDelay, DependsOnJobAndFailuresAlone) {
  EXPECT_EQ(RetryDelay({}, 4, 99), RetryDelay({}, 4, 99));
}

TEST(RetryDelay, SpreadsJobsThatFailedTogether) {
  std::set<absl::Duration> delays;
  absl::Duration sum;
  constexpr int kJobs = 1000;
  for (int64_t job = 1; job <= kJobs; ++job) {
    delays.insert(RetryDelay({}, 1, job));
    sum += RetryDelay({}, 1, job);
  }
  EXPECT_GT(delays.size(), 990u);
  // Uniform in [0.5 s, 1 s): mean 0.75 s, standard error 0.5 / sqrt(12 * 1000) = 0.0046 s.
  EXPECT_GT(sum / kJobs, absl::Milliseconds(750 - 23));
  EXPECT_LT(sum / kJobs, absl::Milliseconds(750 + 23));
}

TEST(IsPermanent, SaysSoForWhatIsWrongWithTheRequest) {
  for (const absl::StatusCode code : kPermanent) {
    EXPECT_TRUE(IsPermanent(absl::Status(code, "x"))) << absl::StatusCodeToString(code);
  }
}

TEST(IsPermanent, DeniesItForWhatMayPass) {
  for (const absl::StatusCode code : kPassing) {
    EXPECT_FALSE(IsPermanent(absl::Status(code, "x"))) << absl::StatusCodeToString(code);
  }
}

TEST(IsPermanent, EveryErrorCodeIsDecidedAbove) {
  // The codes are 1 to 16.
  EXPECT_EQ(std::size(kPermanent) + std::size(kPassing), 16u);
}

}  // namespace
}  // namespace quantd
