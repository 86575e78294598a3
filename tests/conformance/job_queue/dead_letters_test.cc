// Jobs whose attempts are used up, and how they get new ones.
#include "server/core/tenant_registry.h"
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd::testing {
namespace {

using ::testing::ElementsAre;

class JobQueueDeadLetters : public JobQueueConformance {
 protected:
  // A job of one attempt that a failure has ended.
  Job DeadLetter(const Submission& submission) {
    Submission one_attempt = submission;
    one_attempt.traits.max_attempts = 1;
    const Job job = Submit(one_attempt);
    EXPECT_OK(Complete(Lease(), Failure()));
    return Get(job.name);
  }
  Job DeadLetter() { return DeadLetter(SomeWork()); }

  TenantRegistry tenants_{store_.get(), {}};
};

TEST_P(JobQueueDeadLetters, WhatMayPassLeadsThereAndWhatWouldRepeatItselfDoesNot) {
  const struct {
    absl::StatusCode code;
    JobState state;
  } cases[] = {{absl::StatusCode::kInternal, JobState::kDeadLettered},
               {absl::StatusCode::kUnavailable, JobState::kDeadLettered},
               {absl::StatusCode::kDeadlineExceeded, JobState::kDeadLettered},
               {absl::StatusCode::kResourceExhausted, JobState::kDeadLettered},
               {absl::StatusCode::kInvalidArgument, JobState::kFailed},
               {absl::StatusCode::kUnimplemented, JobState::kFailed}};
  for (const auto& c : cases) {
    Submission submission = SomeWork();
    submission.traits.max_attempts = 1;
    const Job job = Submit(submission);
    ASSERT_OK(Complete(Lease(), Failure(c.code)));
    const Job ended = Get(job.name);
    EXPECT_EQ(ended.state, c.state) << absl::StatusCodeToString(c.code);
    EXPECT_EQ(ended.error.code(), c.code);
    EXPECT_EQ(ended.end_time, clock_.Now());
  }
}

TEST_P(JobQueueDeadLetters, NothingHappensToADeadLetterByItself) {
  const Job dead = DeadLetter();
  clock_.Advance(absl::Hours(24 * 30));
  EXPECT_THAT(queue_.Reap(), IsOkAndHolds(0));
  EXPECT_EQ(TryLease(), std::nullopt);
  ASSERT_OK(queue_.Cancel(dead.name));
  EXPECT_EQ(Get(dead.name), dead);
}

TEST_P(JobQueueDeadLetters, ARedriveQueuesTheJobAtOnceWithAWholeBudgetAndItsWholeHistory) {
  Submission submission = SomeWork();
  submission.traits.max_attempts = 2;
  const Job job = Submit(submission);
  ASSERT_OK(Complete(Lease(), Failure()));
  clock_.Advance(absl::Minutes(5));
  ASSERT_OK(Complete(Lease(), Failure()));
  ASSERT_EQ(Get(job.name).state, JobState::kDeadLettered);

  ASSERT_OK_AND_ASSIGN(const Job redriven, queue_.Redrive(job.name));
  EXPECT_EQ(redriven, Get(job.name));
  EXPECT_EQ(redriven.state, JobState::kQueued);
  EXPECT_EQ(redriven.not_before, clock_.Now());
  EXPECT_EQ(redriven.end_time, std::nullopt);
  EXPECT_OK(redriven.error);
  EXPECT_EQ(redriven.attempts.size(), 2u);
  // Two more: the first failure of the new budget is followed by the shortest backoff again.
  const LeasedJob third = Lease();
  EXPECT_EQ(third.job.attempts.back().number, 3);
  ASSERT_OK(Complete(third, Failure()));
  EXPECT_EQ(Get(job.name).state, JobState::kQueued);
  EXPECT_LT(Get(job.name).not_before, clock_.Now() + absl::Seconds(1));
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(Complete(Lease(), Failure()));
  EXPECT_EQ(Get(job.name).state, JobState::kDeadLettered);
  EXPECT_EQ(Get(job.name).attempts.size(), 4u);
  EXPECT_THAT(
      History(job.name),
      ElementsAre(JobState::kQueued, JobState::kRunning, JobState::kQueued, JobState::kRunning,
                  JobState::kDeadLettered, JobState::kQueued, JobState::kRunning, JobState::kQueued,
                  JobState::kRunning, JobState::kDeadLettered));
}

TEST_P(JobQueueDeadLetters, ARedrivenJobMaySucceed) {
  const Job dead = DeadLetter();
  ASSERT_OK(queue_.Redrive(dead.name));
  ASSERT_OK(Complete(Lease(), Success()));
  EXPECT_EQ(Get(dead.name).state, JobState::kSucceeded);
}

TEST_P(JobQueueDeadLetters, OnlyADeadLetterIsRedriven) {
  const Job job = Submit();
  EXPECT_THAT(queue_.Redrive(job.name), HasReason("JOB_NOT_DEAD_LETTERED"));
  const LeasedJob leased = Lease();
  EXPECT_THAT(queue_.Redrive(job.name), HasReason("JOB_NOT_DEAD_LETTERED"));
  ASSERT_OK(Complete(leased, Failure(absl::StatusCode::kInvalidArgument)));
  const Job failed = Get(job.name);
  EXPECT_THAT(queue_.Redrive(job.name), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Get(job.name), failed);
  EXPECT_THAT(queue_.Redrive({"team", "none"}), HasReason("JOB_NOT_FOUND"));
}

TEST_P(JobQueueDeadLetters, TheTokenOfTheLostAttemptIsNotHeardAfterARedrive) {
  Submission submission = SomeWork();
  submission.traits.max_attempts = 1;
  Submit(submission);
  const LeasedJob lost = Lease("worker-a");
  clock_.Advance(kLease);
  ASSERT_OK(queue_.Reap());
  ASSERT_OK(queue_.Redrive(lost.job.name));
  EXPECT_THAT(Complete(lost, Success()), HasReason("STALE_LEASE"));
  const LeasedJob held = Lease("worker-b");
  EXPECT_THAT(Complete(lost, Success()), HasReason("STALE_LEASE"));
  EXPECT_OK(Complete(held, Success()));
}

TEST_P(JobQueueDeadLetters, ARequestToCancelEndsWithTheAttemptsBefore) {
  const Job dead = DeadLetter();
  ASSERT_OK(queue_.Cancel(dead.name));
  ASSERT_OK(queue_.Redrive(dead.name));
  EXPECT_FALSE(Lease().job.cancel_requested);
}

TEST_P(JobQueueDeadLetters, AResultThatIsKnownByNowIsTakenOver) {
  const Job dead = DeadLetter(Work("the same"));
  const Job twin = Finish(Work("the same"));
  ASSERT_EQ(twin.state, JobState::kSucceeded);
  ASSERT_OK_AND_ASSIGN(const Job redriven, queue_.Redrive(dead.name));
  EXPECT_EQ(redriven.state, JobState::kSucceeded);
  EXPECT_EQ(redriven.cached_from, twin.name.ToString());
  EXPECT_EQ(redriven, Get(dead.name));
}

TEST_P(JobQueueDeadLetters, ARedriveIsAdmittedLikeANewJob) {
  const Job dead = DeadLetter();
  ASSERT_OK(tenants_.Set("team", {.queued_jobs_max = 0}, 1));
  EXPECT_THAT(queue_.Redrive(dead.name), HasReason("QUOTA_EXCEEDED"));
  ASSERT_OK(tenants_.Set("team", {}, 1));
  ASSERT_OK(tenants_.SetPaused(true));
  EXPECT_THAT(queue_.Redrive(dead.name), HasReason("SERVER_PAUSED"));
  EXPECT_EQ(Get(dead.name), dead);
  ASSERT_OK(tenants_.SetPaused(false));
  EXPECT_OK(queue_.Redrive(dead.name));
}

TEST_P(JobQueueDeadLetters, ARecordThatIsFullIsNotRedriven) {
  Job dead = DeadLetter();
  dead.attempts.resize(JobQueue::kAttemptsKeptMax, dead.attempts.front());
  ASSERT_OK(store_->Write([&](Transaction& t) { return t.jobs().Update(dead); }));
  EXPECT_THAT(queue_.Redrive(dead.name), HasReason("TOO_MANY_REDRIVES"));
}

TEST_P(JobQueueDeadLetters, ItIsDeletedLikeAnyFinishedJob) {
  const Job dead = DeadLetter();
  EXPECT_OK(queue_.Delete(dead.name, std::nullopt));
  EXPECT_THAT(queue_.Get(dead.name), HasReason("JOB_NOT_FOUND"));
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueDeadLetters, ::testing::ValuesIn(JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd::testing
