// Who gets which job, for how long, and who is heard.
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::IsOkAndHolds;
using testing::JobQueueConformance;
using testing::StatusIs;

class JobQueueLeases : public JobQueueConformance {
 protected:
  Job SubmitWith(int priority) {
    Submission submission = SomeWork();
    submission.traits.priority = priority;
    return Submit(submission);
  }

  Job SubmitNeeding(std::vector<std::string> requirements) {
    Submission submission = SomeWork();
    submission.traits.requirements = std::move(requirements);
    return Submit(submission);
  }

  // Nothing that this worker wants to write is heard.
  void ExpectStale(const LeasedJob& lost) {
    const JobName& name = lost.job.name;
    const uint64_t token = lost.job.lease.token;
    for (const absl::Status& status :
         {queue_.Heartbeat(name, token).status(),
          queue_.Report(name, token, {{.content = LogText{"late"}}}), Complete(lost, Failure()),
          Complete(lost, AttemptHandedBack{})}) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
      EXPECT_THAT(status, HasReason("STALE_LEASE"));
    }
  }
};

TEST_P(JobQueueLeases, AnEmptyQueueHasNothingToLease) { EXPECT_EQ(TryLease(), std::nullopt); }

TEST_P(JobQueueLeases, TheLeasedJobComesWithItsSpecAndANewAttempt) {
  const Submission submission = SomeWork();
  const Job queued = Submit(submission);
  clock_.Advance(absl::Seconds(2));
  const LeasedJob leased = Lease("worker-a");
  EXPECT_EQ(leased.job.name, queued.name);
  EXPECT_EQ(leased.spec, submission.spec);
  EXPECT_EQ(leased.job.state, JobState::kRunning);
  EXPECT_EQ(leased.job.start_time, clock_.Now());
  EXPECT_EQ(leased.job.engine_version, kEngine);
  EXPECT_EQ(leased.job.lease.worker, "worker-a");
  EXPECT_EQ(leased.job.lease.expire_time, clock_.Now() + kLease);
  EXPECT_EQ(
      leased.job.attempts,
      (std::vector<Attempt>{{.number = 1, .worker = "worker-a", .start_time = clock_.Now()}}));
  EXPECT_EQ(leased.job, Get(queued.name));
}

TEST_P(JobQueueLeases, HigherPriorityGoesFirstAndThenTheOlderJob) {
  const Job low = SubmitWith(-1);
  const Job first = SubmitWith(0);
  const Job second = SubmitWith(0);
  const Job high = SubmitWith(5);
  for (const Job& expected : {high, first, second, low}) {
    EXPECT_EQ(Lease().job.name, expected.name);
  }
  EXPECT_EQ(TryLease(), std::nullopt);
}

TEST_P(JobQueueLeases, TheOrderHoldsAcrossJobsWithDifferentRequirements) {
  const Job first = SubmitNeeding({"preset:b"});
  const Job second = SubmitNeeding({"preset:a"});
  const Job third = SubmitNeeding({"preset:b"});
  const Job fourth = SubmitNeeding({"preset:a", "preset:b"});
  for (const Job& expected : {first, second, third, fourth}) {
    EXPECT_EQ(Lease().job.name, expected.name);
  }
}

TEST_P(JobQueueLeases, AWorkerGetsOnlyWhatItCanDo) {
  const Job too_much = SubmitNeeding({"preset:a", "preset:c"});
  EXPECT_EQ(TryLease(), std::nullopt);
  const Job fitting = SubmitNeeding({"preset:b"});
  EXPECT_EQ(Lease().job.name, fitting.name);
  const Job undemanding = SubmitNeeding({});
  EXPECT_EQ(Lease().job.name, undemanding.name);
  EXPECT_EQ(TryLease(), std::nullopt);
  WorkerCatalogue able = Catalogue("2.0.0");
  able.capabilities = {"preset:a", "preset:b", "preset:c"};
  ASSERT_NE(TryLease("worker-b", able), std::nullopt);
  EXPECT_EQ(Get(too_much.name).engine_version, "2.0.0");
}

TEST_P(JobQueueLeases, ALeasedJobIsHeldByOneWorker) {
  Submit();
  Lease("worker-a");
  EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  EXPECT_EQ(TryLease("worker-a"), std::nullopt);
}

TEST_P(JobQueueLeases, TokensGrowAcrossJobsAndAttempts) {
  uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    Submit();
    const LeasedJob leased = Lease();
    EXPECT_GT(leased.job.lease.token, last);
    last = leased.job.lease.token;
    if (i % 2 == 0) {
      ASSERT_OK(Complete(leased, AttemptHandedBack{}));
      const LeasedJob again = Lease();
      EXPECT_GT(again.job.lease.token, last);
      last = again.job.lease.token;
    }
  }
}

TEST_P(JobQueueLeases, HeartbeatsExtendTheLease) {
  Submit();
  const LeasedJob leased = Lease();
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(kLease - absl::Seconds(1));
    ASSERT_OK_AND_ASSIGN(const HeartbeatAnswer answer,
                         queue_.Heartbeat(leased.job.name, leased.job.lease.token));
    EXPECT_EQ(answer.expire_time, clock_.Now() + kLease);
    EXPECT_FALSE(answer.cancel_requested);
    EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  }
  EXPECT_OK(Complete(leased, Success()));
}

TEST_P(JobQueueLeases, AnExpiredLeaseIsTakenBackAndCountsAsAnAttempt) {
  const Job job = Submit();
  const absl::Time started = clock_.Now();
  Lease("worker-a");
  clock_.Advance(kLease);
  const LeasedJob held = Lease("worker-b");
  EXPECT_EQ(held.job.name, job.name);
  EXPECT_EQ(held.job.start_time, started);
  ASSERT_EQ(held.job.attempts.size(), 2u);
  const Attempt& lost = held.job.attempts[0];
  EXPECT_EQ(lost.outcome, AttemptOutcome::kLeaseExpired);
  EXPECT_EQ(lost.end_time, clock_.Now());
  EXPECT_THAT(lost.error, HasReason("LEASE_EXPIRED"));
  EXPECT_THAT(lost.error,
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr("worker-a")));
  EXPECT_EQ(held.job.attempts[1].number, 2);
  EXPECT_EQ(held.job.attempts[1].worker, "worker-b");
  EXPECT_THAT(History(job.name), ElementsAre(JobState::kQueued, JobState::kRunning,
                                             JobState::kQueued, JobState::kRunning));
}

TEST_P(JobQueueLeases, ALeaseHoldsToItsLastNanosecond) {
  Submit();
  Lease("worker-a");
  clock_.Advance(kLease - absl::Nanoseconds(1));
  EXPECT_THAT(queue_.Reap(), IsOkAndHolds(0));
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(queue_.Reap(), IsOkAndHolds(1));
  EXPECT_THAT(queue_.Reap(), IsOkAndHolds(0));
}

TEST_P(JobQueueLeases, AnExpiredLeaseThatNobodyTookBackStillHolds) {
  Submit();
  const LeasedJob leased = Lease();
  clock_.Advance(10 * kLease);
  EXPECT_OK(queue_.Heartbeat(leased.job.name, leased.job.lease.token));
  EXPECT_THAT(queue_.Reap(), IsOkAndHolds(0));
  EXPECT_OK(Complete(leased, Success()));
}

TEST_P(JobQueueLeases, MoreExpiredLeasesThanOneCallTakesBackAreTakenBackByTheNext) {
  for (int i = 0; i < 150; ++i) Submit();
  for (int i = 0; i < 150; ++i) Lease();
  clock_.Advance(kLease);
  int taken_back = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const int now, queue_.Reap());
    if (now == 0) break;
    taken_back += now;
  }
  EXPECT_EQ(taken_back, 150);
}

TEST_P(JobQueueLeases, AStaleTokenIsNotHeardAfterTheJobWasLeasedAgain) {
  Submit();
  const LeasedJob lost = Lease("worker-a");
  clock_.Advance(kLease);
  const LeasedJob held = Lease("worker-b");
  ExpectStale(lost);
  EXPECT_THAT(Complete(lost, Success()), HasReason("STALE_LEASE"));
  EXPECT_EQ(Get(held.job.name), held.job);
  EXPECT_OK(Complete(held, Success()));
}

TEST_P(JobQueueLeases, AStaleTokenIsNotHeardAfterTheLeaseWasTakenBack) {
  Submit();
  const LeasedJob lost = Lease();
  clock_.Advance(kLease);
  ASSERT_OK(queue_.Reap());
  ExpectStale(lost);
  EXPECT_THAT(Complete(lost, Success()), HasReason("STALE_LEASE"));
}

TEST_P(JobQueueLeases, AStaleTokenIsNotHeardAfterCompletion) {
  Submit();
  const LeasedJob done = Lease();
  ASSERT_OK(Complete(done, Success()));
  ExpectStale(done);
  EXPECT_EQ(Get(done.job.name).state, JobState::kSucceeded);
}

TEST_P(JobQueueLeases, AStaleTokenIsNotHeardAfterCancellation) {
  Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(queue_.Cancel(leased.job.name));
  ASSERT_OK(Complete(leased, AttemptCancelled{}));
  ExpectStale(leased);
  EXPECT_THAT(Complete(leased, Success()), HasReason("STALE_LEASE"));
  EXPECT_EQ(Get(leased.job.name).state, JobState::kCancelled);
}

TEST_P(JobQueueLeases, ATokenOfAnotherJobIsNotHeard) {
  Submit();
  Submit();
  const LeasedJob one = Lease();
  const LeasedJob other = Lease();
  EXPECT_THAT(queue_.Heartbeat(one.job.name, other.job.lease.token), HasReason("STALE_LEASE"));
  EXPECT_THAT(queue_.Heartbeat(one.job.name, 0), HasReason("STALE_LEASE"));
}

TEST_P(JobQueueLeases, AQueuedJobHearsNobody) {
  const Job job = Submit();
  // Token 0 is what a job has that was never leased.
  EXPECT_THAT(queue_.Heartbeat(job.name, 0), HasReason("STALE_LEASE"));
  EXPECT_THAT(queue_.Complete(job.name, 0, Success()), HasReason("STALE_LEASE"));
}

TEST_P(JobQueueLeases, TheWorkerLearnsOfACancellationWithItsHeartbeat) {
  Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(queue_.Cancel(leased.job.name));
  ASSERT_OK_AND_ASSIGN(const HeartbeatAnswer answer,
                       queue_.Heartbeat(leased.job.name, leased.job.lease.token));
  EXPECT_TRUE(answer.cancel_requested);
}

TEST_P(JobQueueLeases, ACancelledJobWhoseLeaseIsLostIsCancelledAndNotTriedAgain) {
  const Job job = Submit();
  Lease();
  ASSERT_OK(queue_.Cancel(job.name));
  clock_.Advance(kLease);
  EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  const Job cancelled = Get(job.name);
  EXPECT_EQ(cancelled.state, JobState::kCancelled);
  EXPECT_THAT(cancelled.error, HasReason("CANCELLED"));
  EXPECT_EQ(cancelled.attempts.back().outcome, AttemptOutcome::kLeaseExpired);
}

TEST_P(JobQueueLeases, AfterARestartRunningJobsHaveAWholeLeaseToReportBack) {
  Submit();
  const LeasedJob leased = Lease();
  clock_.Advance(absl::Hours(1));  // The server was down.
  ASSERT_OK(queue_.RenewRunningLeases());
  EXPECT_EQ(Get(leased.job.name).lease.expire_time, clock_.Now() + kLease);
  EXPECT_EQ(TryLease("worker-b"), std::nullopt);
  EXPECT_OK(Complete(leased, Success()));
}

TEST_P(JobQueueLeases, RenewingNeverShortensALeaseAndTouchesNoQueuedJob) {
  const Job queued = Submit();
  const Job other = Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(queue_.RenewRunningLeases());
  EXPECT_EQ(Get(leased.job.name), leased.job);
  EXPECT_EQ(leased.job.name, queued.name);
  EXPECT_EQ(Get(other.name), other);
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueLeases, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
