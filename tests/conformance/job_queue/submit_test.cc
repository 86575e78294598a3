// What clients may do with jobs.
#include "server/core/errors.h"
#include "tests/conformance/job_queue/queue_fixture.h"

namespace quantd {
namespace {

using ::testing::ElementsAre;
using testing::HasReason;
using testing::JobQueueConformance;
using testing::NamesField;
using testing::StatusIs;

class JobQueueForClients : public JobQueueConformance {};

TEST_P(JobQueueForClients, ASubmittedJobIsQueuedWithEverythingThatWasSaid) {
  Submission submission = SomeWork();
  submission.display_name = "nightly";
  submission.labels = {{"branch", "main"}, {"team", "vision"}};
  submission.traits.priority = 7;
  submission.traits.max_attempts = 5;
  submission.traits.queue_timeout = absl::Hours(1);
  const Job job = Submit(submission);
  EXPECT_EQ(job.name, (JobName{"team", "id-000001"}));
  EXPECT_EQ(job.display_name, "nightly");
  EXPECT_EQ(job.labels, submission.labels);
  EXPECT_EQ(job.traits, submission.traits);
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(job.create_time, clock_.Now());
  EXPECT_EQ(job.update_time, clock_.Now());
  EXPECT_FALSE(job.start_time || job.end_time);
  EXPECT_EQ(job, Get(job.name));

  ASSERT_OK_AND_ASSIGN(const FullJob full, queue_.GetFull(job.name));
  EXPECT_EQ(full.job, job);
  EXPECT_EQ(full.spec, submission.spec);
  EXPECT_EQ(full.report, "");
}

TEST_P(JobQueueForClients, RepeatingARequestReturnsTheJobOfTheFirstTime) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  const Job first = Submit(submission);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Submit(submission), first);
  // In whatever state it is by now.
  ASSERT_OK(queue_.Cancel(first.name));
  EXPECT_EQ(Submit(submission).name, first.name);
  EXPECT_EQ(Submit(submission).state, JobState::kCancelled);
  ASSERT_OK_AND_ASSIGN(const auto jobs, queue_.List({.tenant = "team"}));
  EXPECT_EQ(jobs.size(), 1u);
}

TEST_P(JobQueueForClients, ARequestIdFromAnotherRequestIsRefused) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  const Job first = Submit(submission);
  Submission other = SomeWork();
  other.request_id = "request-1";
  const auto refused = queue_.Submit(other);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::HasSubstr(first.name.ToString())));
  EXPECT_THAT(refused, HasReason("REQUEST_ID_REUSED"));
  EXPECT_THAT(refused, NamesField("request_id"));
}

TEST_P(JobQueueForClients, RequestIdsOfTwoTenantsDoNotMeet) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  Submission other = SomeWork();
  other.tenant = "others";
  other.request_id = "request-1";
  EXPECT_NE(Submit(submission).name, Submit(other).name);
}

TEST_P(JobQueueForClients, WithoutARequestIdEverySubmissionIsANewJob) {
  const Submission submission = SomeWork();
  EXPECT_NE(Submit(submission).name, Submit(submission).name);
}

TEST_P(JobQueueForClients, AnUnknownJobIsNotFound) {
  const JobName name{"team", "nobody"};
  for (const absl::Status& status :
       {queue_.Get(name).status(), queue_.GetFull(name).status(), queue_.Cancel(name).status(),
        queue_.Delete(name, std::nullopt), queue_.Events(name, 0, 1).status(),
        queue_.Heartbeat(name, 1).status(), queue_.Report(name, 1, {}),
        queue_.Complete(name, 1, AttemptHandedBack{}).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(status, HasReason("JOB_NOT_FOUND"));
  }
}

TEST_P(JobQueueForClients, ATenantDoesNotSeeAnothersJobs) {
  const Job job = Submit();
  EXPECT_THAT(queue_.Get({"others", job.name.job}), HasReason("JOB_NOT_FOUND"));
  ASSERT_OK_AND_ASSIGN(const auto jobs, queue_.List({.tenant = "others"}));
  EXPECT_TRUE(jobs.empty());
}

TEST_P(JobQueueForClients, AQueuedJobIsCancelledAtOnce) {
  const Job job = Submit();
  clock_.Advance(absl::Seconds(3));
  ASSERT_OK_AND_ASSIGN(const Job cancelled, queue_.Cancel(job.name));
  EXPECT_EQ(cancelled.state, JobState::kCancelled);
  EXPECT_EQ(cancelled.end_time, clock_.Now());
  EXPECT_THAT(cancelled.error, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(cancelled.error, HasReason("CANCELLED"));
  EXPECT_EQ(cancelled, Get(job.name));
  EXPECT_THAT(History(job.name), ElementsAre(JobState::kQueued, JobState::kCancelled));
  EXPECT_EQ(TryLease(), std::nullopt);
}

TEST_P(JobQueueForClients, CancellingAFinishedJobLeavesItAsItIs) {
  const Job job = Finish(SomeWork());
  ASSERT_OK_AND_ASSIGN(const Job after, queue_.Cancel(job.name));
  EXPECT_EQ(after, job);
  EXPECT_EQ(Get(job.name), job);
}

TEST_P(JobQueueForClients, CancellingTwiceChangesNothingTheSecondTime) {
  const Job job = Submit();
  Lease();
  ASSERT_OK_AND_ASSIGN(const Job first, queue_.Cancel(job.name));
  EXPECT_EQ(first.state, JobState::kRunning);
  EXPECT_TRUE(first.cancel_requested);
  ASSERT_OK_AND_ASSIGN(const Job second, queue_.Cancel(job.name));
  EXPECT_EQ(second, first);
}

TEST_P(JobQueueForClients, OnlyAFinishedJobIsDeleted) {
  const Job job = Submit();
  EXPECT_THAT(queue_.Delete(job.name, std::nullopt),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(queue_.Delete(job.name, std::nullopt), HasReason("JOB_NOT_FINISHED"));
  const LeasedJob leased = Lease();
  EXPECT_THAT(queue_.Delete(job.name, std::nullopt), HasReason("JOB_NOT_FINISHED"));
  ASSERT_OK(Complete(leased, Success()));
  EXPECT_OK(queue_.Delete(job.name, std::nullopt));
  EXPECT_THAT(queue_.Get(job.name), HasReason("JOB_NOT_FOUND"));
  EXPECT_THAT(queue_.Events(job.name, 0, 10), HasReason("JOB_NOT_FOUND"));
}

TEST_P(JobQueueForClients, AJobThatChangedMeanwhileIsNotDeleted) {
  const Job before = Submit();
  ASSERT_OK_AND_ASSIGN(const Job after, queue_.Cancel(before.name));
  ASSERT_NE(after.version, before.version);
  EXPECT_THAT(queue_.Delete(before.name, before.version), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(queue_.Delete(before.name, before.version), HasReason("ETAG_MISMATCH"));
  EXPECT_OK(queue_.Delete(before.name, after.version));
}

TEST_P(JobQueueForClients, TheArtifactOutlivesItsJob) {
  const Job job = Finish(SomeWork());
  ASSERT_OK(queue_.Delete(job.name, std::nullopt));
  ASSERT_OK_AND_ASSIGN(const ArtifactName name, ParseArtifactName(job.artifact));
  EXPECT_OK(store_->Read([&](Transaction& t) { return t.artifacts().Get(name).status(); }));
}

TEST_P(JobQueueForClients, ADeletedJobsRequestIdIsFreeAgain) {
  Submission submission = SomeWork();
  submission.request_id = "request-1";
  const Job job = Submit(submission);
  ASSERT_OK(queue_.Cancel(job.name));
  ASSERT_OK(queue_.Delete(job.name, std::nullopt));
  EXPECT_NE(Submit(submission).name, job.name);
}

TEST_P(JobQueueForClients, EveryVisibleChangeIsANewVersion) {
  const Job queued = Submit();
  const LeasedJob leased = Lease();
  EXPECT_GT(leased.job.version, queued.version);
  ASSERT_OK(queue_.Heartbeat(queued.name, leased.job.lease.token));
  EXPECT_EQ(Get(queued.name).version, leased.job.version);
  ASSERT_OK(Complete(leased, Success()));
  EXPECT_GT(Get(queued.name).version, leased.job.version);
}

TEST_P(JobQueueForClients, AJobThatNobodyStartsInTimeFails) {
  Submission submission = SomeWork();
  submission.traits.queue_timeout = absl::Minutes(10);
  const Job job = Submit(submission);
  clock_.Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  EXPECT_THAT(queue_.Reap(), testing::IsOkAndHolds(0));
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(queue_.Reap(), testing::IsOkAndHolds(1));
  const Job failed = Get(job.name);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_EQ(failed.end_time, clock_.Now());
  EXPECT_THAT(failed.error, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(failed.error, HasReason("QUEUE_TIMEOUT"));
  EXPECT_TRUE(failed.attempts.empty());
  EXPECT_THAT(History(job.name), ElementsAre(JobState::kQueued, JobState::kFailed));
}

TEST_P(JobQueueForClients, AnOverdueJobIsNotLeased) {
  Submission submission = SomeWork();
  submission.traits.queue_timeout = absl::Minutes(10);
  const Job job = Submit(submission);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(TryLease(), std::nullopt);
  EXPECT_EQ(Get(job.name).state, JobState::kFailed);
}

TEST_P(JobQueueForClients, OnceStartedAJobHasNoQueueTimeoutAnyMore) {
  Submission submission = SomeWork();
  submission.traits.queue_timeout = absl::Minutes(10);
  const Job job = Submit(submission);
  ASSERT_OK(Complete(Lease(), AttemptHandedBack{}));
  clock_.Advance(absl::Hours(10));
  EXPECT_THAT(queue_.Reap(), testing::IsOkAndHolds(0));
  EXPECT_EQ(Get(job.name).state, JobState::kQueued);
}

TEST_P(JobQueueForClients, CountsJobsByStateAndFindsTheOldestQueuedOne) {
  ASSERT_OK_AND_ASSIGN(QueueCounts counts, queue_.Count());
  EXPECT_EQ(counts.oldest_queued, std::nullopt);
  Finish(SomeWork());
  ASSERT_OK(queue_.Cancel(Submit().name));
  Submit();
  Lease();
  clock_.Advance(absl::Seconds(1));
  const absl::Time oldest = clock_.Now();
  Submit();
  clock_.Advance(absl::Seconds(1));
  Submit();
  ASSERT_OK_AND_ASSIGN(counts, queue_.Count());
  EXPECT_EQ(counts.jobs[JobState::kQueued], 2);
  EXPECT_EQ(counts.jobs[JobState::kRunning], 1);
  EXPECT_EQ(counts.jobs[JobState::kSucceeded], 1);
  EXPECT_EQ(counts.jobs[JobState::kFailed], 0);
  EXPECT_EQ(counts.jobs[JobState::kCancelled], 1);
  EXPECT_EQ(counts.oldest_queued, oldest);
}

TEST_P(JobQueueForClients, EveryChangeIsToldToThoseWhoWatchTheJobOrWaitForWork) {
  const uint64_t work = signal_.Generation(JobQueue::kWorkTopic);
  const Job job = Submit();
  EXPECT_NE(signal_.Generation(JobQueue::kWorkTopic), work);
  const std::string topic = job.name.ToString();
  uint64_t seen = signal_.Generation(topic);
  const auto changed = [&] { return std::exchange(seen, signal_.Generation(topic)) != seen; };
  const LeasedJob leased = Lease();
  EXPECT_TRUE(changed());
  ASSERT_OK(queue_.Report(job.name, leased.job.lease.token, {{.content = LogText{"x"}}}));
  EXPECT_TRUE(changed());
  ASSERT_OK(queue_.Cancel(job.name));
  EXPECT_TRUE(changed());
  ASSERT_OK(Complete(leased, AttemptCancelled{}));
  EXPECT_TRUE(changed());
  ASSERT_OK(queue_.Delete(job.name, std::nullopt));
  EXPECT_TRUE(changed());
}

INSTANTIATE_TEST_SUITE_P(AllStores, JobQueueForClients, ::testing::ValuesIn(testing::JobStores()),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace quantd
