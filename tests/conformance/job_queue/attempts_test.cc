// How attempts end, and what becomes of their job.
#include "server/core/artifact_registry.h"
#include "server/core/errors.h"
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::IsOkAndHolds;
using testing::JobQueueConformance;
using testing::StatusIs;

class JobQueueAttempts : public JobQueueConformance {
 protected:
  // Waits until a backoff must be over.
  void SitOutTheBackoff() { clock_.Advance(absl::Minutes(5)); }
};

TEST_P(JobQueueAttempts, SuccessCommitsArtifactReportAndState) {
  Submission submission = SomeWork();
  submission.labels = {{"team", "vision"}};
  const Job job = Submit(submission);
  const LeasedJob leased = Lease();
  clock_.Advance(absl::Seconds(9));
  const AttemptSucceeded success = Success();
  ASSERT_OK(Complete(leased, success));
  ASSERT_OK_AND_ASSIGN(const FullJob full, queue_.GetFull(job.name));
  EXPECT_EQ(full.job.state, JobState::kSucceeded);
  EXPECT_EQ(full.job.end_time, clock_.Now());
  EXPECT_EQ(full.job.progress.fraction, 1);
  EXPECT_EQ(full.job.engine_version, kEngine);
  EXPECT_EQ(full.job.cached_from, "");
  EXPECT_OK(full.job.error);
  EXPECT_EQ(full.report, success.report);
  ASSERT_EQ(full.job.attempts.size(), 1u);
  EXPECT_EQ(full.job.attempts[0].outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(full.job.attempts[0].end_time, clock_.Now());
  EXPECT_THAT(History(job.name),
              ElementsAre(JobState::kQueued, JobState::kRunning, JobState::kSucceeded));

  ASSERT_OK_AND_ASSIGN(const ArtifactName name, ParseArtifactName(full.job.artifact));
  const ArtifactRegistry artifacts(store_.get(), &blobs_, &clock_, &ids_);
  ASSERT_OK_AND_ASSIGN(const Artifact artifact, artifacts.Get(name));
  EXPECT_EQ(artifact.job, job.name.ToString());
  EXPECT_EQ(artifact.labels, submission.labels);
  // In byte order of their names, whatever the worker's order was.
  EXPECT_THAT(artifact.files, ElementsAre(success.files[1], success.files[0]));
  EXPECT_EQ(artifact.digest, ArtifactDigest(artifact.files));
}

TEST_P(JobQueueAttempts, CompletingTwiceIsOkBecauseAnAnswerMayGetLost) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(Complete(leased, Success()));
  const Job done = Get(job.name);
  clock_.Advance(absl::Seconds(1));
  EXPECT_OK(Complete(leased, Success()));
  EXPECT_EQ(Get(job.name), done);
}

TEST_P(JobQueueAttempts, EveryOutcomeMayBeToldTwice) {
  for (const AttemptResult& result : {AttemptResult(Failure()), AttemptResult(AttemptHandedBack{}),
                                      AttemptResult(AttemptCancelled{})}) {
    const Job job = Submit();
    const LeasedJob leased = Lease();
    ASSERT_OK(Complete(leased, result));
    const Job after = Get(job.name);
    EXPECT_OK(Complete(leased, result));
    EXPECT_EQ(Get(job.name), after);
    ASSERT_OK(queue_.Cancel(job.name));
  }
}

TEST_P(JobQueueAttempts, TheWorkerLearnsWhatBecameOfItsJob) {
  const auto end = [this](const LeasedJob& leased, const AttemptResult& result) {
    return queue_.Complete(leased.job.name, leased.job.lease.token, result);
  };
  Submit();
  EXPECT_THAT(end(Lease(), AttemptHandedBack{}), IsOkAndHolds(JobState::kQueued));
  const LeasedJob leased = Lease();
  EXPECT_THAT(end(leased, Success()), IsOkAndHolds(JobState::kSucceeded));
  EXPECT_THAT(end(leased, Success()), IsOkAndHolds(JobState::kSucceeded));
}

TEST_P(JobQueueAttempts, ARepetitionIsNotHeardOnceTheJobHasBeenLeasedAgain) {
  Submit();
  const LeasedJob first = Lease();
  ASSERT_OK(Complete(first, AttemptHandedBack{}));
  const LeasedJob second = Lease();
  EXPECT_THAT(Complete(first, AttemptHandedBack{}), HasReason("STALE_LEASE"));
  EXPECT_EQ(Get(second.job.name), second.job);
}

TEST_P(JobQueueAttempts, ACompletionWithoutItsBlobIsRefusedAndTheJobStaysLeased) {
  Submit();
  const LeasedJob leased = Lease();
  AttemptSucceeded success = Success();
  ASSERT_OK(blobs_.Of("team")->Delete(success.files[0].digest));
  EXPECT_THAT(Complete(leased, success), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Complete(leased, success), HasReason("BLOB_MISSING"));
  EXPECT_EQ(Get(leased.job.name), leased.job);
  // Uploaded after all.
  EXPECT_OK(Complete(leased, Success()));
}

TEST_P(JobQueueAttempts, ACompletionWithAWrongSizeIsRefused) {
  Submit();
  const LeasedJob leased = Lease();
  AttemptSucceeded success = Success();
  ++success.files[0].size_bytes;
  EXPECT_THAT(Complete(leased, success), HasReason("BLOB_MISSING"));
  EXPECT_EQ(Get(leased.job.name).state, JobState::kRunning);
}

TEST_P(JobQueueAttempts, AFailedJobWaitsForItsBackoffAndIsThenLeasedAgain) {
  const Job job = Submit();
  ASSERT_OK(Complete(Lease(), Failure()));
  const Job waiting = Get(job.name);
  EXPECT_EQ(waiting.state, JobState::kQueued);
  EXPECT_EQ(waiting.attempts[0].outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(waiting.attempts[0].error, HasReason("CHILD_DIED"));
  EXPECT_OK(waiting.error);
  // One second, times a factor in [0.5, 1).
  EXPECT_GE(waiting.not_before, clock_.Now() + absl::Milliseconds(500));
  EXPECT_LT(waiting.not_before, clock_.Now() + absl::Seconds(1));
  EXPECT_EQ(TryLease(), std::nullopt);
  clock_.Advance(waiting.not_before - clock_.Now() - absl::Nanoseconds(1));
  EXPECT_EQ(TryLease(), std::nullopt);
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(Lease().job.name, job.name);
}

TEST_P(JobQueueAttempts, AJobThatWaitsForItsBackoffHoldsUpNobody) {
  Submission urgent = SomeWork();
  urgent.traits.priority = 100;
  Submit(urgent);
  ASSERT_OK(Complete(Lease(), Failure()));
  const Job other = Submit();
  EXPECT_EQ(Lease().job.name, other.name);
}

TEST_P(JobQueueAttempts, AfterTheLastAttemptTheJobIsDeadLetteredWithItsReason) {
  const Job job = Submit();  // Three attempts.
  for (int attempt = 1; attempt <= 3; ++attempt) {
    SitOutTheBackoff();
    const LeasedJob leased = Lease();
    EXPECT_EQ(leased.job.attempts.back().number, attempt);
    ASSERT_OK(Complete(leased,
                       Failure(absl::StatusCode::kInternal, "failure " + std::to_string(attempt))));
  }
  const Job failed = Get(job.name);
  EXPECT_EQ(failed.state, JobState::kDeadLettered);
  EXPECT_EQ(failed.end_time, clock_.Now());
  EXPECT_THAT(failed.error,
              StatusIs(absl::StatusCode::kInternal, ::testing::HasSubstr("failure 3")));
  EXPECT_THAT(failed.error, HasReason("CHILD_DIED"));
  EXPECT_EQ(failed.attempts.size(), 3u);
  SitOutTheBackoff();
  EXPECT_EQ(TryLease(), std::nullopt);
}

TEST_P(JobQueueAttempts, LostLeasesAndFailuresCountTogether) {
  const Job job = Submit();
  Lease();
  clock_.Advance(kLease);
  ASSERT_OK(Complete(Lease(), Failure()));
  SitOutTheBackoff();
  Lease();
  clock_.Advance(kLease);
  EXPECT_EQ(TryLease(), std::nullopt);
  const Job failed = Get(job.name);
  EXPECT_EQ(failed.state, JobState::kDeadLettered);
  EXPECT_THAT(failed.error, HasReason("LEASE_EXPIRED"));
}

TEST_P(JobQueueAttempts, APermanentFailureIsNotTriedAgain) {
  const Job job = Submit();
  ASSERT_OK(Complete(Lease(), Failure(absl::StatusCode::kInvalidArgument, "not a model")));
  const Job failed = Get(job.name);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_THAT(failed.error, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(failed.attempts.size(), 1u);
}

TEST_P(JobQueueAttempts, AResultAboveTheTenantsQuotaIsNotTriedAgain) {
  const Job job = Submit();
  const absl::Status quota = errors::QuotaExceeded("team", "stored_bytes_max", 10, 9);
  ASSERT_OK(Complete(Lease(), AttemptFailed{quota}));
  EXPECT_EQ(Get(job.name).state, JobState::kFailed);
  EXPECT_THAT(Get(job.name).error, HasReason("QUOTA_EXCEEDED"));
}

TEST_P(JobQueueAttempts, AHandBackDoesNotCountAndQueuesTheJobAtOnce) {
  Submission submission = SomeWork();
  submission.traits.max_attempts = 1;
  const Job job = Submit(submission);
  for (int i = 0; i < 5; ++i) ASSERT_OK(Complete(Lease(), AttemptHandedBack{}));
  const Job queued = Get(job.name);
  EXPECT_EQ(queued.state, JobState::kQueued);
  EXPECT_EQ(queued.attempts.size(), 5u);
  for (const Attempt& attempt : queued.attempts) {
    EXPECT_EQ(attempt.outcome, AttemptOutcome::kHandedBack);
  }
  EXPECT_OK(Complete(Lease(), Success()));
}

TEST_P(JobQueueAttempts, AJobThatIsAlwaysHandedBackIsDeadLetteredInTheEnd) {
  const Job job = Submit();
  for (size_t i = 1; i < JobQueue::kAttemptsMax; ++i) {
    ASSERT_OK(Complete(Lease(), AttemptHandedBack{}));
  }
  EXPECT_EQ(Get(job.name).state, JobState::kQueued);
  ASSERT_OK(Complete(Lease(), AttemptHandedBack{}));
  const Job failed = Get(job.name);
  EXPECT_EQ(failed.state, JobState::kDeadLettered);
  EXPECT_THAT(failed.error, HasReason("TOO_MANY_ATTEMPTS"));
  EXPECT_EQ(failed.attempts.size(), JobQueue::kAttemptsMax);
}

TEST_P(JobQueueAttempts, HoweverTheAttemptOfACancelledJobEndsItIsCancelled) {
  const AttemptResult results[] = {AttemptCancelled{}, AttemptHandedBack{}, Failure(),
                                   Failure(absl::StatusCode::kInvalidArgument, "no model")};
  for (const AttemptResult& result : results) {
    const Job job = Submit();
    const LeasedJob leased = Lease();
    ASSERT_OK(queue_.Cancel(job.name));
    ASSERT_OK(Complete(leased, result));
    const Job cancelled = Get(job.name);
    EXPECT_EQ(cancelled.state, JobState::kCancelled);
    EXPECT_THAT(cancelled.error, HasReason("CANCELLED"));
    EXPECT_EQ(cancelled.end_time, clock_.Now());
  }
}

TEST_P(JobQueueAttempts, AResultThatWasReadyBeforeTheWorkerStoppedIsKept) {
  const Job job = Submit();
  const LeasedJob leased = Lease();
  ASSERT_OK(queue_.Cancel(job.name));
  ASSERT_OK(Complete(leased, Success()));
  EXPECT_EQ(Get(job.name).state, JobState::kSucceeded);
}

TEST_P(JobQueueAttempts, ARetryBeginsWithoutTheProgressOfTheAttemptBefore) {
  const Job job = Submit();
  const LeasedJob first = Lease();
  const JobProgress progress{.stage = "quantize", .step = 3, .steps = 9, .fraction = 0.5};
  ASSERT_OK(queue_.Report(job.name, first.job.lease.token, {{.content = progress}}));
  EXPECT_EQ(Get(job.name).progress, progress);
  ASSERT_OK(Complete(first, AttemptHandedBack{}));
  EXPECT_EQ(Lease().job.progress, JobProgress());
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueAttempts, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
